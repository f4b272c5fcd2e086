namespace Shim.Runsc;

/// <summary>runsc's own record of a container: the file <c>ID_sandbox:SANDBOX.state</c> in its root.</summary>
public static class RunscStateFile
{
    /// <summary>
    /// The path of the record of exactly this container, or null where runsc has none. Asked before a command that
    /// must not reach another container: runsc itself matches ids by prefix.
    /// </summary>
    public static string? Find(string root, string id)
    {
        if (!Directory.Exists(root))
            return null;
        string start = $"{id}_sandbox:";
        foreach (string path in Directory.EnumerateFiles(root, $"{id}_sandbox*.state"))
            if (Path.GetFileName(path.AsSpan()).StartsWith(start, StringComparison.Ordinal))
                return path;
        return null;
    }

    /// <summary>Removes the lock of a container of which runsc has no record any more.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public static void RemoveLock(string root, string id)
    {
        if (!Directory.Exists(root) || Find(root, id) is not null)
            return;
        string start = $"{id}_sandbox:";
        foreach (string path in Directory.EnumerateFiles(root, $"{id}_sandbox*.lock"))
            if (Path.GetFileName(path.AsSpan()).StartsWith(start, StringComparison.Ordinal))
                File.Delete(path);
    }
}
