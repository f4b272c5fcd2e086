using System.Globalization;

namespace Linux;

/// <summary>
/// A control group: one directory in v2; in v1 one directory in each hierarchy, not always of the same path.
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

    /// <summary>The cgroup versions of the host. They decide which files the group has.</summary>
    public CgroupMode Mode { get; }

    /// <summary>The v2 directory, or null if v2 is not mounted.</summary>
    public string? UnifiedDirectory { get; }

    /// <summary>Whether the group exists; in v1, in each of its hierarchies.</summary>
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

    /// <summary>Whether the group exists in any of its hierarchies.</summary>
    public bool ExistsSomewhere
    {
        get
        {
            foreach (string directory in MemberDirectories())
                if (Directory.Exists(directory))
                    return true;
            return false;
        }
    }

    /// <summary>Whether the two groups share a directory in any hierarchy that has controllers.</summary>
    public bool SameAs(Cgroup other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return MemberDirectories().Overlaps(other.MemberDirectories());
    }

    /// <summary>The directory with the group's figures and limits of memory; null if it has none.</summary>
    public string? MemoryDirectory => Mode == CgroupMode.Unified ? UnifiedDirectory : DirectoryOf("memory");

    /// <summary>The v1 directory of a controller, or null if the group has none.</summary>
    public string? DirectoryOf(string controller) => _directories.GetValueOrDefault(controller);

    /// <summary>The group of a process.</summary>
    /// <exception cref="LinuxException">ENOENT or ESRCH: no such process.</exception>
    public static Cgroup OfProcess(CgroupHierarchies hierarchies, int pid) =>
        Parse(hierarchies, SmallFile.ReadText($"/proc/{pid}/cgroup"));

    /// <summary>Parses the text of /proc/PID/cgroup (cgroups(7)): <c>4:cpu,cpuacct:/path</c>, in v2
    /// <c>0::/path</c>.</summary>
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
            string path = line[(second + 1)..].ToString(); // may contain colons
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

    /// <summary>The group at the same path in every hierarchy. It need not exist.</summary>
    /// <param name="hierarchies">The mounted hierarchies.</param>
    /// <param name="path">The path, relative to each mount, with or without a leading slash.</param>
    /// <exception cref="LinuxException">EINVAL: the path contains ".." or is the root.</exception>
    public static Cgroup AtPath(CgroupHierarchies hierarchies, string path)
    {
        ArgumentNullException.ThrowIfNull(hierarchies);
        string relative = Relative(path);
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

    /// <summary>The group at a path below this one in every hierarchy. It need not exist.</summary>
    /// <exception cref="LinuxException">EINVAL: the path contains ".." or is empty.</exception>
    public Cgroup Below(string path)
    {
        string relative = Relative(path);
        Dictionary<string, string> directories = [];
        foreach ((string controller, string directory) in _directories)
            directories[controller] = $"{directory.TrimEnd('/')}/{relative}";
        return new Cgroup(Mode, directories,
            UnifiedDirectory is null ? null : $"{UnifiedDirectory.TrimEnd('/')}/{relative}");
    }

    /// <summary>Moves a process into this group, in every v1 hierarchy, or in v2 if there is no v1. Creates the
    /// directories that are missing.</summary>
    /// <exception cref="LinuxException">A hierarchy refused the process; it has been moved in the hierarchies before
    /// that one.</exception>
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

    /// <summary>Removes the group from every hierarchy in which it contains no process and no other group.</summary>
    /// <returns>Whether it is gone from all.</returns>
    public bool RemoveIfEmpty()
    {
        bool isGone = true;
        HashSet<string> all = MemberDirectories();
        if (UnifiedDirectory is not null)
            all.Add(UnifiedDirectory);
        foreach (string directory in all)
            try
            {
                if (Directory.Exists(directory))
                    Directory.Delete(directory); // rmdir(2): the files of cgroupfs need not be removed first
            }
            catch (IOException)
            {
                isGone = false; // EBUSY: it is in use.
            }
        return isGone;
    }

    private static string Relative(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        List<string> components = PathParts.ComponentsInside(path, "cgroup");
        return components.Count > 0 ? string.Join('/', components)
            : throw new LinuxException(Errno.EINVAL, "cgroup", path, "the path names no group");
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

    /// <summary>A new v1 cpuset has no processors and no memory nodes, and accepts no process until it has some. It
    /// gets those of its parent, which may lack them too.</summary>
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
