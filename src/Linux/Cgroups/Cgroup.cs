using System.Globalization;

namespace Linux;

/// <summary>
/// A control group: one directory in v2, one for each hierarchy in v1, not necessarily of the same path in each.
/// </summary>
public sealed class Cgroup
{
    private readonly Dictionary<string, string> _directories;

    private Cgroup(CgroupMode mode, Dictionary<string, string> directories, string? unified)
    {
        Mode = mode;
        _directories = directories;
        UnifiedDirectory = unified;
    }

    /// <summary>How the host has its cgroups; decides which kind of statistics there is.</summary>
    public CgroupMode Mode { get; }

    /// <summary>The v2 directory, if v2 is mounted.</summary>
    public string? UnifiedDirectory { get; }

    /// <summary>Whether it exists: in v1, in every hierarchy that it is in.</summary>
    public bool Exists
    {
        get
        {
            foreach (string directory in MemberDirectories())
                if (!Directory.Exists(directory))
                    return false;
            return true;
        }
    }

    /// <summary>Whether it shares a directory with another group, in any hierarchy that has controllers.</summary>
    public bool SameAs(Cgroup other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return MemberDirectories().Overlaps(other.MemberDirectories());
    }

    /// <summary>The v1 directory of a controller, or null.</summary>
    public string? DirectoryOf(string controller) => _directories.GetValueOrDefault(controller);

    /// <summary>The group that a process is in.</summary>
    /// <exception cref="LinuxException">ENOENT or ESRCH: there is no such process.</exception>
    public static Cgroup OfProcess(CgroupHierarchies hierarchies, int pid) =>
        Parse(hierarchies, SmallFile.ReadText($"/proc/{pid}/cgroup"));

    /// <summary>Parses the text of /proc/PID/cgroup (cgroups(7)): `4:cpu,cpuacct:/path`, v2's `0::/path`.</summary>
    internal static Cgroup Parse(CgroupHierarchies hierarchies, ReadOnlySpan<char> text)
    {
        ArgumentNullException.ThrowIfNull(hierarchies);
        Dictionary<string, string> directories = [];
        string? unified = null;
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int first = line.IndexOf(':');
            int second = first < 0 ? -1 : line[(first + 1)..].IndexOf(':') + first + 1;
            if (second <= first)
                continue;
            ReadOnlySpan<char> controllers = line[(first + 1)..second];
            string path = line[(second + 1)..].ToString(); // it may hold colons
            if (controllers.IsEmpty)
            {
                unified = hierarchies.Unified?.DirectoryOf(path);
                continue;
            }
            foreach (Range range in controllers.Split(','))
            {
                string controller = controllers[range].ToString();
                if (hierarchies.Of(controller)?.DirectoryOf(path) is { } directory)
                    directories[controller] = directory;
            }
        }
        return new Cgroup(hierarchies.Mode, directories, unified);
    }

    /// <summary>A group by its path, the same in every hierarchy. It need not exist.</summary>
    /// <param name="hierarchies">What is mounted.</param>
    /// <param name="path">The path, relative to each mount, with or without a slash first.</param>
    /// <exception cref="LinuxException">EINVAL: it holds "..", or is the root.</exception>
    public static Cgroup AtPath(CgroupHierarchies hierarchies, string path)
    {
        ArgumentNullException.ThrowIfNull(hierarchies);
        ArgumentNullException.ThrowIfNull(path);
        List<string> components = PathParts.ComponentsInside(path, "cgroup");
        if (components.Count == 0)
            throw new LinuxException(Errno.EINVAL, "cgroup", path, "an empty path means no group");
        string relative = string.Join('/', components);
        Dictionary<string, string> directories = [];
        string? unified = null;
        foreach (CgroupHierarchy hierarchy in hierarchies.All)
        {
            string directory = $"{hierarchy.MountPoint}/{relative}";
            if (hierarchy.IsUnified)
                unified = directory;
            foreach (string controller in hierarchy.Controllers)
                directories[controller] = directory;
        }
        return new Cgroup(hierarchies.Mode, directories, unified);
    }

    /// <summary>Moves a process into this group, which is made where it does not exist: in every v1 hierarchy, or in
    /// v2 where there is no v1.</summary>
    /// <exception cref="LinuxException">A hierarchy refused; in those before it the process is moved.</exception>
    public void Add(int pid)
    {
        string text = pid.ToString(CultureInfo.InvariantCulture);
        foreach (string directory in MemberDirectories())
        {
            if (!Directory.Exists(directory))
            {
                Directory.CreateDirectory(directory);
                if (directory == DirectoryOf("cpuset"))
                    InheritCpuset(directory);
            }
            SmallFile.WriteText($"{directory}/cgroup.procs", text);
        }
    }

    /// <summary>Removes the group in every hierarchy where no process and no other group is in it.</summary>
    public void RemoveIfEmpty()
    {
        HashSet<string> all = MemberDirectories();
        if (UnifiedDirectory is not null)
            all.Add(UnifiedDirectory);
        foreach (string directory in all)
            try
            {
                if (Directory.Exists(directory))
                    Directory.Delete(directory); // rmdir(2): cgroupfs has no files that must go before
            }
            catch (IOException)
            {
                // EBUSY: somebody is in it, and it is theirs.
            }
    }

    // Controllers mounted together share a directory.
    private HashSet<string> MemberDirectories()
    {
        HashSet<string> members = [];
        if (Mode == CgroupMode.Unified)
            members.Add(UnifiedDirectory!);
        else
            members.UnionWith(_directories.Values);
        return members;
    }

    /// <summary>A new v1 cpuset has no processors and no memory, and takes no process before it has: it gets its
    /// parent's, which may lack them too.</summary>
    private static void InheritCpuset(string directory)
    {
        string parent = PathParts.Split(directory).Parent;
        foreach (string file in (ReadOnlySpan<string>)["cpuset.cpus", "cpuset.mems"])
        {
            if (SmallFile.TryReadText($"{directory}/{file}") is not { } own || own.Trim().Length > 0)
                continue;
            if (SmallFile.TryReadText($"{parent}/{file}") is not { } inherited)
                continue;
            if (inherited.Trim().Length == 0)
            {
                InheritCpuset(parent);
                inherited = SmallFile.ReadText($"{parent}/{file}");
            }
            SmallFile.WriteText($"{directory}/{file}", inherited.Trim());
        }
    }
}
