using System.Globalization;

namespace Linux;

/// <summary>What /proc tells about processes. Answers are of the moment: only of our own unreaped children is it
/// certain that the pid still means the same process afterwards.</summary>
public static class ProcFs
{
    /// <summary>A process's state, a zombie's too.</summary>
    /// <returns>Null if there is no such process.</returns>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    internal static ProcessStat? Stat(int pid) =>
        SmallFile.TryReadText($"/proc/{pid}/stat") is { } text && ProcessStat.TryParse(text, out ProcessStat stat)
            ? stat
            : null;

    /// <summary>The parent's pid, or null if there is no such process.</summary>
    internal static int? ParentPid(int pid) => Stat(pid)?.ParentPid;

    /// <summary>Whether a process is a child, grandchild, … of another.</summary>
    internal static bool IsDescendant(int pid, int ancestor)
    {
        const int MaxDepth = 64; // chains are short; a chain that changes under us must not hold us
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

    /// <summary>A process's command line, its parts separated by NUL; empty for a zombie and if there is none.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static string CommandLine(int pid) => SmallFile.TryReadText($"/proc/{pid}/cmdline") ?? "";

    /// <summary>The children of a process, zombies too.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static IReadOnlyList<int> Children(int pid)
    {
        List<int> children = [];
        string tasks = $"/proc/{pid}/task";
        if (!Directory.Exists(tasks))
            return children;
        // Each child is listed with the thread that is its parent. The file needs CONFIG_PROC_CHILDREN.
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
