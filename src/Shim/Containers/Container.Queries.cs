using Linux;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>What can be asked about the container, and its limits.</summary>
internal sealed partial class Container
{
    private static readonly TimeSpan s_pidsBound = TimeSpan.FromSeconds(2);

    /// <summary>The ids, inside the sandbox, of the container's processes.</summary>
    /// <remarks>
    /// While the sandbox lives the answer is never empty: after a restart containerd takes an empty one for a lost
    /// container and deletes it. If the sandbox does not answer, the result is its own process.
    /// </remarks>
    public async Task<IReadOnlyList<int>> PidsAsync()
    {
        if (IsAlive)
            try
            {
                // containerd waits for this when it is restarted, for one container after the other.
                IReadOnlyList<int> pids =
                    await Sandbox.Control.PidsAsync(RunscId).WaitAsync(s_pidsBound, _context.Time);
                if (pids.Count > 0)
                    return pids;
            }
            catch (Exception e) when (e is RunscException or TimeoutException)
            {
                Log.PidsUnknown(Id, e);
            }
        return Sandbox.Died.IsCompleted ? [] : [Sandbox.Pid];
    }

    /// <summary>What the container uses, and its limit of memory, which the sandbox does not report.</summary>
    /// <exception cref="RefusedException">It has ended.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    /// <exception cref="LinuxException">It has just ended.</exception>
    public async Task<RunscStats> StatsAsync()
    {
        if (HasEnded)
            throw new RefusedException(Refusal.NotFound, $"{Init} is {StateName}: it has no statistics");
        RunscStats stats = await _statistics.ReadAsync();
        if (stats.MemoryLimit != 0)
            return stats;
        // The CRI takes any number but a huge one for a limit, and what is not used of it for available.
        return stats with
        {
            MemoryLimit = FindOwnCgroup() is { } group ? CgroupReader.MemoryLimit(group) : ulong.MaxValue,
        };
    }

    /// <summary>Sets limits in the container's cgroup on the node.</summary>
    /// <remarks>
    /// The processes of all of a sandbox's containers are in the first one's cgroup. The others have cgroups too, which
    /// runsc makes for those who look for them; limits there are seen, but limit nothing.
    /// </remarks>
    /// <param name="resources">OCI LinuxResources, as JSON.</param>
    /// <exception cref="RefusedException">It is not that, or the container has no cgroup.</exception>
    /// <exception cref="LinuxException">The kernel refused a limit.</exception>
    public Task UpdateAsync(ReadOnlyMemory<byte> resources) => Init.Operations.RunAsync(() =>
    {
        ResourceLimits limits = ResourcesJson.Parse(resources);
        if (HasEnded)
            throw new RefusedException(Refusal.WrongState, $"cannot update {Init}: it is {StateName}");
        CgroupLimits.Apply(FindOwnCgroup() ?? throw new RefusedException(Refusal.Unsupported,
            $"cannot update {Init}: it has no cgroup of its own on the node"), limits);
    });

    /// <summary>Waits until something in the sandbox has ended, by a runsc of its own.</summary>
    /// <param name="what">What to wait for.</param>
    /// <param name="pid">For an exit: the process's id in the container; 0: the container's first process.</param>
    /// <param name="rootPid">For an exit: the process's id in the sandbox; 0: as <paramref name="pid"/> says.</param>
    /// <param name="debug">Where the command writes a debug log; null: nowhere.</param>
    /// <param name="abandon">Ends the wait, which then fails.</param>
    /// <returns>For an exit, the process's exit status; else 0.</returns>
    /// <exception cref="RefusedException">The container has ended.</exception>
    /// <exception cref="RunscException">runsc could not wait, or does not support it.</exception>
    public Task<int> WaitForAsync(WaitFor what, int pid, int rootPid, DebugSettings? debug, CancellationToken abandon)
    {
        if (HasEnded)
            throw new RefusedException(Refusal.WrongState, $"cannot wait in {Init}: it is {StateName}");
        return _runsc.WithDebug(debug).WaitAsync(RunscId, what, pid, rootPid, Bundle.RunscLog, abandon);
    }

    /// <summary>Makes runsc look at the container and write a debug log about it.</summary>
    /// <exception cref="RunscException">It could not.</exception>
    public Task WriteDebugStateAsync(DebugSettings debug) =>
        _runsc.WithDebug(debug).StateAsync(RunscId, Bundle.RunscLog);

    /// <summary>The version of its runsc, and that of the OCI specification, a line each.</summary>
    /// <exception cref="RunscException">runsc could not be asked.</exception>
    public Task<string> RunscVersionAsync() => _runsc.VersionTextAsync();

    private Cgroup? FindOwnCgroup()
    {
        if (IsSandbox)
            return Sandbox.Cgroup;
        if (_cgroupsPath is not { Length: > 0 })
            return null;
        Cgroup group = Cgroup.AtPath(_context.Cgroups, _cgroupsPath);
        return group.Exists ? group : null;
    }
}
