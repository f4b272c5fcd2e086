namespace Shim.Checkpoints;

/// <summary>
/// The directory below which a pod's annotations may name images, as the configuration gives it: with
/// <c>%NAMESPACE%</c> in it, a pod has only those of its own Kubernetes namespace.
/// </summary>
internal sealed class AllowedRoot
{
    private const string Placeholder = "%NAMESPACE%";
    private const int LongestNamespace = 63; // a label of RFC 1123

    /// <param name="key">The configuration's key, for messages.</param>
    /// <param name="root">Its value; empty: no directory is allowed.</param>
    /// <param name="podNamespace">The pod's Kubernetes namespace; null if there is none.</param>
    public AllowedRoot(string key, string root, string? podNamespace)
    {
        Key = key;
        if (root.Length == 0)
            WhyNone = $"the shim's configuration has no {key} that allows it";
        else if (!root.Contains(Placeholder, StringComparison.Ordinal))
            Path = root;
        else if (podNamespace is not null && IsNamespace(podNamespace))
            Path = root.Replace(Placeholder, podNamespace, StringComparison.Ordinal);
        else
            WhyNone = $"{key} {root} in the shim's configuration is for pods of a Kubernetes namespace, and this "
                + "container is not of one";
    }

    /// <summary>The configuration's key.</summary>
    public string Key { get; }

    /// <summary>The directory; null if none is allowed.</summary>
    public string? Path { get; }

    /// <summary>Why none is allowed.</summary>
    public string WhyNone { get; } = "";

    private static bool IsNamespace(string name)
    {
        if (name.Length is 0 or > LongestNamespace)
            return false;
        foreach (char c in name)
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')
                return false;
        return true;
    }
}
