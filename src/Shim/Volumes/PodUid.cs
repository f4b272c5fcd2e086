namespace Shim.Volumes;

/// <summary>The uid of the pod that a container belongs to, as Kubernetes has it.</summary>
internal static class PodUid
{
    private const string Cri = "io.kubernetes.cri.sandbox-uid"; // containerd 1.6.11 and later
    private const string CriLogDirectory = "io.kubernetes.cri.sandbox-log-directory";
    private const string Crio = "io.kubernetes.pod.uid";
    private const string CrioType = "io.kubernetes.cri-o.ContainerType";
    private const int Longest = 128;

    /// <summary>
    /// Reads it from a specification's annotations. Without one of its own it is the end of the pod's log directory,
    /// <c>NAMESPACE_NAME_UID</c> or <c>UID</c>. Null: the container is of no pod.
    /// </summary>
    /// <exception cref="VolumeException">What the annotation holds is no uid.</exception>
    public static string? Find(IReadOnlyDictionary<string, string> annotations)
    {
        if (annotations.GetValueOrDefault(Cri) is { Length: > 0 } uid)
            return Required(Cri, uid);
        if (annotations.ContainsKey(CrioType) && annotations.GetValueOrDefault(Crio) is { Length: > 0 } crio)
            return Required(Crio, crio);
        if (annotations.GetValueOrDefault(CriLogDirectory) is not { } directory)
            return null;
        ReadOnlySpan<char> name = directory.AsSpan().TrimEnd('/');
        name = name[(name.LastIndexOf('/') + 1)..];
        string last = name[(name.LastIndexOf('_') + 1)..].ToString();
        return IsUid(last) ? last : null;
    }

    /// <summary>Whether it is one: a UUID, or a hash for a pod of the node's own. It becomes a part of a path.</summary>
    public static bool IsUid(string text)
    {
        if (text.Length is 0 or > Longest)
            return false;
        foreach (char c in text)
            if (!char.IsAsciiLetterOrDigit(c) && c != '-')
                return false;
        return true;
    }

    private static string Required(string annotation, string value) =>
        IsUid(value) ? value : throw new VolumeException($"annotation {annotation}=\"{value}\" is not the uid of a pod");
}
