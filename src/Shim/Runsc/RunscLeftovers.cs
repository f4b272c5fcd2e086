using System.Diagnostics.CodeAnalysis;
using Linux;

namespace Shim.Runsc;

/// <summary>
/// What runsc leaves of a container if its sandbox ends while the container is being deleted: the command fails
/// halfway, after it has removed the container's record but not its cgroup.
/// </summary>
internal static class RunscLeftovers
{
    /// <summary>The cgroup that runsc is about to make; null if it makes none, or if the cgroup exists.</summary>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="cgroupsPath">The container's cgroup, as its specification names it.</param>
    public static string? NewCgroup(CgroupHierarchies hierarchies, string? cgroupsPath) =>
        IsPath(cgroupsPath) && !Cgroup.AtPath(hierarchies, cgroupsPath).ExistsSomewhere ? cgroupsPath : null;

    /// <summary>Removes the cgroup, if runsc has no record of the container.</summary>
    /// <param name="runscRoot">runsc's root, the namespace included.</param>
    /// <param name="runscId">The container's id for runsc.</param>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="cgroup">The cgroup that runsc made for the container; null if it made none.</param>
    /// <param name="patience">How long to wait, blocking, for processes in it that were killed and have not left it
    /// yet.
    /// </param>
    /// <returns>False if runsc still has the container: then the command can be tried again.</returns>
    public static bool Remove(string runscRoot, string runscId, CgroupHierarchies hierarchies, string? cgroup,
        TimeSpan patience = default)
    {
        if (RunscStateFile.Find(runscRoot, runscId) is not null)
            return false;
        if (IsPath(cgroup))
            Polling.Until(patience, Cgroup.AtPath(hierarchies, cgroup).RemoveIfEmpty);
        return true;
    }

    /// <summary>Something of the form SLICE:PREFIX:NAME is a systemd unit, which systemd removes.</summary>
    private static bool IsPath([NotNullWhen(true)] string? cgroupsPath) => cgroupsPath is ['/', _, ..];
}
