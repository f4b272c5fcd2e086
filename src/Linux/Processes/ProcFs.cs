using System.Globalization;

namespace Linux;

/// <summary>Reads /proc about processes. A pid may refer to another process by the time of the answer, except for our
/// own unreaped children.</summary>
public static class ProcFs
{
    /// <summary>The state of a process, which may be a zombie.</summary>
    /// <returns>Null if the process does not exist.</returns>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    internal static ProcessStat? Stat(int pid) =>
        SmallFile.TryReadText($"/proc/{pid}/stat") is { } text && ProcessStat.TryParse(text, out ProcessStat stat)
            ? stat
            : null;

    /// <summary>The parent's pid, or null if the process does not exist.</summary>
    internal static int? ParentPid(int pid) => Stat(pid)?.ParentPid;

    /// <summary>Whether a process is a child, grandchild and so on of another.</summary>
    internal static bool IsDescendant(int pid, int ancestor)
    {
        const int MaxDepth = 64; // chains are short; one that changes meanwhile must not loop forever
        for (int depth = 0; depth < MaxDepth && pid > 1; depth++)
        {
            if (ParentPid(pid) is not { } parent)
                return false;
            if (parent == ancestor)
                return true;
            pid = parent;
        }
        return false;
    }

    /// <summary>The command line of a process, its parts separated by NUL; empty for a zombie or a missing
    /// process.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static string CommandLine(int pid) => SmallFile.TryReadText($"/proc/{pid}/cmdline") ?? "";

    /// <summary>The children of a process, including zombies.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static IReadOnlyList<int> Children(int pid)
    {
        List<int> children = [];
        string tasks = $"/proc/{pid}/task";
        if (!Directory.Exists(tasks))
            return children;
        // Each thread lists the children that it started. The file needs CONFIG_PROC_CHILDREN.
        foreach (string task in Directory.EnumerateDirectories(tasks))
        {
            if (SmallFile.TryReadText($"{task}/children") is not { } text)
                return ScanForChildren(pid);
            foreach (Range range in text.AsSpan().Split(' '))
            {
                if (int.TryParse(text.AsSpan(range), CultureInfo.InvariantCulture, out int child))
                    children.Add(child);
            }
        }
        return children;
    }

    private static List<int> ScanForChildren(int parent)
    {
        List<int> children = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), CultureInfo.InvariantCulture, out int pid)
                && ParentPid(pid) == parent)
                children.Add(pid);
        }
        return children;
    }
}
