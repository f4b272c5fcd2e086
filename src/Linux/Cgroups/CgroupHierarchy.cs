namespace Linux;

/// <summary>One mounted cgroup hierarchy.</summary>
/// <param name="Controllers">In v1 its controllers, such as <c>cpu</c> and <c>cpuacct</c>, or a name, such as
/// <c>name=systemd</c>; in v2 empty.</param>
/// <param name="MountPoint">Where it is mounted.</param>
/// <param name="Root">The group at the root of the mount; inside a container this is not <c>/</c>.</param>
internal sealed record CgroupHierarchy(IReadOnlyList<string> Controllers, string MountPoint, string Root)
{
    /// <summary>Whether this is the v2 hierarchy.</summary>
    internal bool IsUnified => Controllers.Count == 0;

    /// <summary>The directory of a group, or null if the group is outside of this mount.</summary>
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
        // A group outside of our cgroup namespace is listed as /../x.
        foreach (Range range in inside.AsSpan().Split('/'))
        {
            if (inside.AsSpan(range) is "..")
                return null;
        }
        return MountPoint + inside.TrimEnd('/');
    }
}
