namespace Linux;

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
