using Linux;

namespace Shim.Runsc;

/// <summary>
/// What runsc leaves of a container whose sandbox ends while it is being deleted: the command fails half way, when the
/// container's record is gone already, and its cgroup is nobody's.
/// </summary>
internal static class RunscLeftovers
{
    /// <summary>Removes it, if runsc has no record of the container.</summary>
    /// <param name="runscRoot">runsc's root, the namespace included.</param>
    /// <param name="runscId">The container's id for runsc.</param>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="cgroupsPath">The container's cgroup, as its specification names it.</param>
    /// <returns>False where runsc still has the container: then the command can be tried again.</returns>
    public static bool Remove(string runscRoot, string runscId, CgroupHierarchies hierarchies, string? cgroupsPath)
    {
        if (RunscStateFile.Find(runscRoot, runscId) is not null)
            return false;
        // systemd's form, SLICE:PREFIX:NAME, is a unit of systemd's, which removes it.
        if (cgroupsPath is ['/', _, ..])
            Cgroup.AtPath(hierarchies, cgroupsPath).RemoveIfEmpty();
        return true;
    }
}
