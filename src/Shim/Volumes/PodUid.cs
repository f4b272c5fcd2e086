namespace Shim.Volumes;

/// <summary>The Kubernetes uid of the pod that a container belongs to.</summary>
internal static class PodUid
{
    private const string Cri = "io.kubernetes.cri.sandbox-uid"; // containerd 1.6.11 and later
    private const string CriLogDirectory = "io.kubernetes.cri.sandbox-log-directory";
    private const string Crio = "io.kubernetes.pod.uid";
    private const string CrioType = "io.kubernetes.cri-o.ContainerType";
    private const int Longest = 128;

    /// <summary>
    /// Reads it from a specification's annotations. If no annotation gives it, it is the end of the name of the pod's
    /// log directory, <c>NAMESPACE_NAME_UID</c> or <c>UID</c>. Null if the container does not belong to a pod, or to
    /// one that no kubelet made: <c>crictl</c> takes any text as a uid, and such a pod has no volumes.
    /// </summary>
    /// <param name="annotations">The annotations.</param>
    /// <param name="warnings">Receives a sentence about a uid that cannot be one.</param>
    public static string? Find(IReadOnlyDictionary<string, string> annotations, ICollection<string> warnings)
    {
        if (annotations.GetValueOrDefault(Cri) is { Length: > 0 } uid)
            return Checked(Cri, uid, warnings);
        if (annotations.ContainsKey(CrioType) && annotations.GetValueOrDefault(Crio) is { Length: > 0 } crio)
            return Checked(Crio, crio, warnings);
        if (annotations.GetValueOrDefault(CriLogDirectory) is not { } directory)
            return null;
        ReadOnlySpan<char> name = directory.AsSpan().TrimEnd('/');
        name = name[(name.LastIndexOf('/') + 1)..];
        string last = name[(name.LastIndexOf('_') + 1)..].ToString();
        return IsUid(last) ? last : null;
    }

    /// <summary>
    /// Whether <paramref name="text"/> can be a uid: a UUID, or a hash for a static pod. It becomes part of a path.
    /// </summary>
    public static bool IsUid(string text)
    {
        if (text.Length is 0 or > Longest)
            return false;
        foreach (char c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                return false;
        return true;
    }

    private static string? Checked(string annotation, string value, ICollection<string> warnings)
    {
        if (IsUid(value))
            return value;
        warnings.Add($"the pod has no volumes: annotation {annotation}=\"{value.Short()}\" is not a uid of Kubernetes");
        return null;
    }
}
