using System.Globalization;

namespace Benchmarks;

/// <summary>The cgroups of the containers, in every hierarchy there is.</summary>
internal static class ContainerCgroups
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>The parent of them all, as bundles name it: of this run only, since what is in it is killed.</summary>
    public static string Parent { get; } = $"shim-benchmarks-{Environment.ProcessId}";

    /// <summary>The processes in them: a container's under runc has no other trace of who started it.</summary>
    public static HashSet<int> Processes()
    {
        HashSet<int> processes = [];
        foreach (string directory in Parents())
            foreach (string file in Directory.EnumerateFiles(directory, "cgroup.procs", SearchOption.AllDirectories))
                foreach (string line in File.ReadLines(file))
                    processes.Add(int.Parse(line, CultureInfo.InvariantCulture));
        return processes;
    }

    /// <summary>Removes them, deepest first.</summary>
    /// <returns>Whether all are gone; the kernel keeps one for a moment after its last process.</returns>
    public static bool TryRemove()
    {
        try
        {
            foreach (string parent in Parents())
            {
                string[] below = Directory.GetDirectories(parent, "*", SearchOption.AllDirectories);
                foreach (string directory in below.OrderByDescending(path => path.Length))
                    Directory.Delete(directory);
                Directory.Delete(parent);
            }
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Version 2 has one hierarchy, version 1 a directory for each.</summary>
    private static IEnumerable<string> Parents() =>
        Directory.Exists(Root)
            ? Directory.EnumerateDirectories(Root).Prepend(Root).Select(directory => Path.Combine(directory, Parent))
                .Where(Directory.Exists)
            : [];
}
