namespace Linux;

/// <summary>The mounted cgroup hierarchies. They do not change while a host runs, so a program reads them once and
/// passes them on.</summary>
public sealed class CgroupHierarchies
{
    // The super options of a v1 mount name its controllers among these.
    private static readonly string[] s_notControllers =
        ["rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods"];

    private CgroupHierarchies(IReadOnlyList<CgroupHierarchy> all)
    {
        All = all;
        Unified = Find(static h => h.IsUnified);
        // A named v1 hierarchy without controllers does not make the host v1.
        bool legacy = Find(static h => !h.IsUnified && !h.Controllers[0].Contains('=')) is not null;
        Mode = Unified is null ? CgroupMode.Legacy : legacy ? CgroupMode.Hybrid : CgroupMode.Unified;
    }

    /// <summary>All hierarchies, in the order of their mounts.</summary>
    internal IReadOnlyList<CgroupHierarchy> All { get; }

    /// <summary>The v2 hierarchy, wherever it is mounted.</summary>
    internal CgroupHierarchy? Unified { get; }

    /// <summary>Which versions of cgroups the host uses.</summary>
    public CgroupMode Mode { get; }

    /// <summary>Reads the hierarchies that are mounted now.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static CgroupHierarchies Read() => Parse(SmallFile.ReadText("/proc/self/mountinfo"));

    /// <summary>Parses the text of a mountinfo file. Of several mounts of a hierarchy the first is used.</summary>
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

    /// <summary>The v1 hierarchy of a controller, or null if it is not mounted.</summary>
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
