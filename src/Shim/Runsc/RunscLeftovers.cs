using Linux;

namespace Shim.Runsc;

/// <summary>
/// What runsc leaves of a container if its sandbox ends while the container is being deleted: the command fails
/// halfway, after it has removed the container's record but not its cgroup.
/// </summary>
internal static class RunscLeftovers
{
    /// <summary>Removes the cgroup, if runsc has no record of the container.</summary>
    /// <param name="runscRoot">runsc's root, the namespace included.</param>
    /// <param name="runscId">The container's id for runsc.</param>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="cgroupsPath">The container's cgroup, as its specification names it.</param>
    /// <param name="patience">How long to wait, blocking, for processes in it that were killed and have not left it
    /// yet.
    /// </param>
    /// <returns>False if runsc still has the container: then the command can be tried again.</returns>
    public static bool Remove(string runscRoot, string runscId, CgroupHierarchies hierarchies, string? cgroupsPath,
        TimeSpan patience = default)
    {
        if (RunscStateFile.Find(runscRoot, runscId) is not null)
            return false;
        // A path of the form SLICE:PREFIX:NAME is a systemd unit, which systemd removes.
        if (cgroupsPath is not ['/', _, ..])
            return true;
        Cgroup group = Cgroup.AtPath(hierarchies, cgroupsPath);
        Polling.Until(patience, group.RemoveIfEmpty);
        return true;
    }
}
