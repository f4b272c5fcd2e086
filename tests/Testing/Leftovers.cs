namespace Testing;

/// <summary>What containers leave on a machine if nobody cleans up: taken before a test and compared after it.</summary>
public sealed class Leftovers
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);
    private readonly Daemon _daemon;
    private readonly HashSet<string> _before;

    private Leftovers(Daemon daemon)
    {
        _daemon = daemon;
        _before = Look();
    }

    public static Leftovers Before(Daemon daemon) => new(daemon);

    /// <summary>Fails if anything is there that was not there before, also after a while.</summary>
    public async Task AssertNoneAsync()
    {
        HashSet<string> left = [];
        try
        {
            await Eventually.TrueAsync("nothing is left", () =>
            {
                left = Look();
                left.ExceptWith(_before);
                return left.Count == 0;
            }, s_bound);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"left behind on containerd {_daemon.Version}:\n{string.Join('\n', left)}");
        }
    }

    private HashSet<string> Look()
    {
        HashSet<string> found = [];
        foreach (int pid in Processes.Mentioning(_daemon.Directory))
            if (pid != _daemon.Pid)
                found.Add($"process {pid}: {Processes.CommandLine(pid)}");
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
            if (line.Contains(_daemon.Directory, StringComparison.Ordinal))
                found.Add($"mount {line}");
        AddEntries(found, "socket", "/run/containerd/s");
        AddEntries(found, "terminal socket", "/run/containerd/runsc-tty");
        AddEntries(found, "network namespace", "/run/netns");
        AddEntries(found, "network namespace", "/var/run/netns");
        // Of bridges, and of the ends of pods' interfaces in the node; and what the plugins remember of them.
        AddEntries(found, "network interface", "/sys/class/net");
        AddEntries(found, "network state", "/var/lib/cni/results");
        AddEntries(found, "network state", Path.Combine(_daemon.Directory, "cni/ipam", PodNetwork.Name), "10.*");
        foreach (string name in (string[])["default", "k8s.io"])
        {
            AddEntries(found, "runsc state", Path.Combine(_daemon.RunscRoot, name));
            AddEntries(found, "bundle", Path.Combine(_daemon.Directory, "state/io.containerd.runtime.v2.task", name));
        }
        if (Directory.Exists("/sys/fs/cgroup"))
            foreach (string hierarchy in (string[])["/sys/fs/cgroup", .. Directory.EnumerateDirectories("/sys/fs/cgroup")])
                foreach (string parent in (string[])["default", "k8s.io", PodCgroup.Root])
                    AddDirectories(found, "cgroup", Path.Combine(hierarchy, parent));
        return found;
    }

    private static void AddEntries(HashSet<string> found, string what, string directory, string pattern = "*")
    {
        if (Directory.Exists(directory))
            foreach (string path in Directory.EnumerateFileSystemEntries(directory, pattern))
                found.Add($"{what} {path}");
    }

    private static void AddDirectories(HashSet<string> found, string what, string directory)
    {
        if (Directory.Exists(directory))
            foreach (string path in Directory.EnumerateDirectories(directory))
                found.Add($"{what} {path}");
    }
}
