using System.Security.Cryptography;
using System.Text;

namespace Testing;

/// <summary>
/// What containers of one containerd leave on the machine if nobody cleans up: taken before a test and compared after
/// it. What is not this containerd's is not looked at, so others may be at work on the machine.
/// </summary>
public sealed class Leftovers
{
    private const string Cgroups = "/sys/fs/cgroup";
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);
    private readonly Daemon _daemon;
    private readonly HashSet<Leftover> _before;

    private Leftovers(Daemon daemon)
    {
        _daemon = daemon;
        _before = Look();
    }

    public static Leftovers Before(Daemon daemon) => new(daemon);

    /// <summary>What is there and was not there before.</summary>
    public IReadOnlyCollection<Leftover> Found
    {
        get
        {
            HashSet<Leftover> found = Look();
            found.ExceptWith(_before);
            return found;
        }
    }

    /// <summary>Fails if anything is there that was not there before, and stays.</summary>
    /// <param name="bound">How long it may stay; default: 10 s.</param>
    public Task AssertNoneAsync(TimeSpan? bound = null) => Eventually.PassesAsync(
        () => Assert.True(Found.Count == 0,
            $"left behind on containerd {_daemon.Version}:\n{string.Join('\n', Found)}"),
        bound ?? s_bound);

    private HashSet<Leftover> Look()
    {
        HashSet<Leftover> found = [];
        foreach (int pid in Processes.Mentioning(_daemon.Directory))
            if (pid != _daemon.Pid)
                found.Add(new("process", $"{pid}: {Processes.CommandLine(pid)}"));
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
            if (line.Contains(_daemon.Directory, StringComparison.Ordinal) && !RunscRoot.IsItsOwn(line.Split(' ')[4]))
                found.Add(new("mount", line));
        foreach ((string name, string id) in _daemon.Containers)
        {
            AddIfThere(found, "socket", SocketOf(name, id));
            AddIfThere(found, "terminal socket", TerminalSocketOf(name, id));
            foreach (string hierarchy in Hierarchies())
                AddIfThere(found, "cgroup", Path.Combine(hierarchy, name, id));
        }
        foreach (string hierarchy in Hierarchies())
            AddEntries(found, "cgroup", Path.Combine(hierarchy, PodCgroup.RootOf(_daemon)), directories: true);
        foreach (string name in Daemon.Namespaces)
        {
            foreach (string path in RunscRoot.Entries(Path.Combine(_daemon.RunscRoot, name)))
                found.Add(new("runsc state", path));
            AddEntries(found, "bundle", _daemon.BundlesOf(name), directories: true);
        }
        // Network namespaces are mounts below the daemon's directory; a pod's end in the node is a port of the bridge.
        AddIfThere(found, "network interface", PodNetwork.InterfaceOf(_daemon));
        AddEntries(found, "network interface", Path.Combine(PodNetwork.InterfaceOf(_daemon), "brif"));
        foreach (string path in PodNetwork.StateOf(_daemon))
            found.Add(new("network state", path));
        return found;
    }

    /// <summary>As containerd names the socket of a shim that serves the sandbox <paramref name="id"/>.</summary>
    private string SocketOf(string name, string id) => $"/run/containerd/s/{HashOf($"{_daemon.Socket}/{name}/{id}")}";

    /// <summary>As the shim names the socket on which it receives a container's terminal.</summary>
    private string TerminalSocketOf(string name, string id) =>
        $"/run/containerd/runsc-tty/{HashOf(Path.Combine(_daemon.BundlesOf(name), id))[..16]}";

    private static string HashOf(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string[] Hierarchies() =>
        Directory.Exists(Cgroups) ? [Cgroups, .. Directory.EnumerateDirectories(Cgroups)] : [];

    private static void AddIfThere(HashSet<Leftover> found, string what, string path)
    {
        if (Path.Exists(path))
            found.Add(new(what, path));
    }

    private static void AddEntries(HashSet<Leftover> found, string what, string directory, bool directories = false)
    {
        if (!Directory.Exists(directory))
            return;
        foreach (string path in directories
            ? Directory.EnumerateDirectories(directory) : Directory.EnumerateFileSystemEntries(directory))
            found.Add(new(what, path));
    }
}

/// <summary>Something of a container's.</summary>
/// <param name="Kind">What it is: "socket".</param>
/// <param name="Name">Which one: its path, for most.</param>
public sealed record Leftover(string Kind, string Name)
{
    public override string ToString() => $"{Kind} {Name}";
}
