namespace Linux;

/// <summary>How the host has its cgroups.</summary>
public enum CgroupMode
{
    /// <summary>v1 controllers only.</summary>
    Legacy,
    /// <summary>v1 controllers, and v2 beside them without any.</summary>
    Hybrid,
    /// <summary>v2 only.</summary>
    Unified,
}

/// <summary>One mounted cgroup hierarchy.</summary>
/// <param name="Controllers">v1: its controllers, such as `cpu` and `cpuacct`, or a name, `name=systemd`. v2:
/// none.</param>
/// <param name="MountPoint">Where it is mounted.</param>
/// <param name="Root">Which of its groups is the root of the mount: not `/` inside of a container.</param>
internal sealed record CgroupHierarchy(IReadOnlyList<string> Controllers, string MountPoint, string Root)
{
    /// <summary>Whether it is v2's.</summary>
    internal bool IsUnified => Controllers.Count == 0;

    /// <summary>The directory of a group, or null if it lies outside of what is mounted here.</summary>
    /// <param name="group">The group's path in the hierarchy, as in /proc/PID/cgroup.</param>
    internal string? DirectoryOf(string group)
    {
        string inside;
        if (Root == "/")
            inside = group;
        else if (group == Root || group.StartsWith(Root + "/", StringComparison.Ordinal))
            inside = group[Root.Length..];
        else
            return null;
        // A group outside of our cgroup namespace reads /../x.
        foreach (Range range in inside.AsSpan().Split('/'))
        {
            if (inside.AsSpan(range) is "..")
                return null;
        }
        return MountPoint + inside.TrimEnd('/');
    }
}

/// <summary>The hierarchies that are mounted, read from mountinfo once: they do not change in the life of a
/// host.</summary>
public sealed class CgroupHierarchies
{
    // The super options of a v1 mount name its controllers among these.
    private static readonly string[] s_notControllers =
        ["rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods"];

    private CgroupHierarchies(IReadOnlyList<CgroupHierarchy> all) => All = all;

    /// <summary>All of them, in the order of their mounts.</summary>
    internal IReadOnlyList<CgroupHierarchy> All { get; }

    /// <summary>v2's, wherever it is mounted.</summary>
    internal CgroupHierarchy? Unified => Find(static h => h.IsUnified);

    /// <summary>How the host has its cgroups. A named v1 hierarchy without controllers does not make it v1.</summary>
    public CgroupMode Mode
    {
        get
        {
            bool legacy = Find(static h => !h.IsUnified && !h.Controllers[0].Contains('=')) is not null;
            return !legacy && Unified is not null ? CgroupMode.Unified
                : Unified is not null ? CgroupMode.Hybrid
                : CgroupMode.Legacy;
        }
    }

    /// <summary>What is mounted now.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static CgroupHierarchies Read() => Parse(SmallFile.ReadText("/proc/self/mountinfo"));

    /// <summary>Parses the text of a mountinfo file. Of mounts of the same hierarchy the first counts.</summary>
    internal static CgroupHierarchies Parse(ReadOnlySpan<char> mountInfo)
    {
        List<CgroupHierarchy> all = [];
        foreach (ReadOnlySpan<char> line in mountInfo.EnumerateLines())
        {
            if (!MountInfo.TryParse(line, out MountInfo info) || info.Type is not ("cgroup" or "cgroup2"))
                continue;
            List<string> controllers = info.Type is "cgroup" ? ControllersIn(info.SuperOptions) : [];
            if (info.Type is "cgroup" && controllers.Count == 0)
                continue;
            if (all.Exists(h => h.Controllers.SequenceEqual(controllers)))
                continue;
            all.Add(new CgroupHierarchy(controllers, MountInfo.Decode(info.MountPoint), MountInfo.Decode(info.Root)));
        }
        return new CgroupHierarchies(all);
    }

    /// <summary>The v1 hierarchy of a controller, or null.</summary>
    internal CgroupHierarchy? Of(string controller)
    {
        foreach (CgroupHierarchy hierarchy in All)
        {
            if (hierarchy.Controllers.Contains(controller))
                return hierarchy;
        }
        return null;
    }

    private CgroupHierarchy? Find(Func<CgroupHierarchy, bool> match)
    {
        foreach (CgroupHierarchy hierarchy in All)
        {
            if (match(hierarchy))
                return hierarchy;
        }
        return null;
    }

    private static List<string> ControllersIn(ReadOnlySpan<char> superOptions)
    {
        List<string> controllers = [];
        foreach (Range range in superOptions.Split(','))
        {
            string option = superOptions[range].ToString();
            bool isName = option.StartsWith("name=", StringComparison.Ordinal);
            if (isName || (option.Length > 0 && !option.Contains('=') && !s_notControllers.Contains(option)))
                controllers.Add(option);
        }
        return controllers;
    }
}
