using Linux;

namespace Shim.Checkpoints;

/// <summary>
/// A pod's annotations by which newer releases of runsc write images when a program in the sandbox asks for it. runsc
/// writes as root wherever they say, so the shim checks where that is.
/// </summary>
internal static class CheckpointAnnotations
{
    private static readonly string[] s_prefixes =
        ["dev.gvisor.internal.checkpoint.", "dev.gvisor.internal.fscheckpoint."];

    /// <summary>Whether one of these annotations names a path.</summary>
    public static bool NamePath(IReadOnlyDictionary<string, string> annotations)
    {
        foreach (string annotation in annotations.Keys)
            if (IsPath(annotation))
                return true;
        return false;
    }

    /// <summary>
    /// Rejects a path that is not of a directory below the allowed one, or one that others than root could exchange
    /// until runsc uses it. Blocks.
    /// </summary>
    /// <exception cref="CheckpointException">A path is not allowed.</exception>
    public static void RequireAllowedPaths(IReadOnlyDictionary<string, string> annotations, AllowedRoot root)
    {
        foreach ((string annotation, string path) in annotations)
            if (IsPath(annotation))
                using (OpenDirectory directory = ImageDirectory.OpenAllowed(annotation, path, root))
                    ImageDirectory.RequireSafe(directory);
    }

    private static bool IsPath(string annotation)
    {
        foreach (string prefix in s_prefixes)
            if (annotation.StartsWith(prefix, StringComparison.Ordinal)
                && annotation.EndsWith("path", StringComparison.OrdinalIgnoreCase))
                return true;
        return false;
    }
}
