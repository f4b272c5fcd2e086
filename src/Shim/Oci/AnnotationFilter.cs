namespace Shim.Oci;

/// <summary>
/// Which of a specification's annotations reach runsc. A pod's author writes them, and some make runsc open any path of
/// the node as root, write files to any directory, or connect the pod to the node's sockets.
/// </summary>
/// <remarks>
/// What passes here names or narrows something, or another part of the shim checks it: hints and emptyDirs
/// (<c>Volumes</c>), images (<c>Checkpoints</c>).
/// </remarks>
internal static class AnnotationFilter
{
    private const string Prefix = "dev.gvisor.";

    private static readonly string[] s_passing =
    [
        "dev.gvisor.spec.mount.*",
        "dev.gvisor.empty-dir.*",
        "dev.gvisor.internal.restore.*",
        "dev.gvisor.internal.fsrestore.*",
        "dev.gvisor.internal.checkpoint.*",
        "dev.gvisor.internal.fscheckpoint.*",
        "dev.gvisor.internal.seccomp.*",
        "dev.gvisor.internal.cpufeatures",
        "dev.gvisor.container-name-remap.*",
    ];

    /// <summary>Removes gVisor's annotations that may not reach runsc.</summary>
    /// <param name="annotations">The specification's annotations.</param>
    /// <param name="allowed">What the configuration allows: names, the last character of which may be <c>*</c>.</param>
    /// <param name="edits">Receives the changes.</param>
    /// <returns>The removed annotations, sorted.</returns>
    public static IReadOnlyList<string> Apply(
        IReadOnlyDictionary<string, string> annotations, IReadOnlyList<string> allowed, SpecEdits edits)
    {
        List<string>? removed = null;
        foreach (string annotation in annotations.Keys)
            if (annotation.StartsWith(Prefix, StringComparison.Ordinal)
                && !MatchesOne(annotation, s_passing) && !MatchesOne(annotation, allowed))
            {
                edits.Remove(annotation);
                (removed ??= []).Add(annotation);
            }
        removed?.Sort(StringComparer.Ordinal);
        return removed ?? (IReadOnlyList<string>)[];
    }

    /// <summary>The sentence about a removed annotation.</summary>
    public static string WarningOf(string annotation) =>
        $"annotation {annotation.Short()} is removed: allowed_annotations in the shim's configuration does not list it";

    private static bool MatchesOne(string annotation, IReadOnlyList<string> patterns)
    {
        foreach (string pattern in patterns)
            if (pattern is [.., '*']
                ? annotation.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1), StringComparison.Ordinal)
                : annotation == pattern)
                return true;
        return false;
    }
}
