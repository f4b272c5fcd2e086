namespace Testing;

/// <summary>The directory in which runsc keeps the state of its containers: <c>--root</c>.</summary>
public static class RunscRoot
{
    /// <summary>
    /// Newer releases keep an empty network namespace here, bind-mounted on a file. It belongs to the root: runsc makes
    /// it once and never removes it, and it is unmounted when the root is removed.
    /// </summary>
    private const string NullNamespace = "null-netns";

    /// <summary>The files of containers in a root; none where the root does not exist.</summary>
    public static IReadOnlyList<string> Entries(string root) => Directory.Exists(root)
        ? [.. Directory.EnumerateFileSystemEntries(root).Where(static path => !IsItsOwn(path))]
        : [];

    /// <summary>Whether a file belongs to the root itself and not to a container.</summary>
    public static bool IsItsOwn(string path) => Path.GetFileName(path) == NullNamespace;
}
