using Linux;
using Shim.Oci;
using Shim.Runsc;
using Shim.Sandboxes;

namespace Shim.Containers;

/// <summary>What can be asked about the container, and its limits.</summary>
internal sealed partial class Container
{
    /// <summary>The processes of the node that represent the container: its sandbox's, and one for each exec.</summary>
    /// <remarks>
    /// containerd's clients look for these in /proc; what runs inside is not there. While the sandbox lives they are
    /// never none: after a restart containerd takes that for a lost container and deletes it.
    /// </remarks>
    /// <returns>The pids, each with the exec's id, which is empty for the sandbox.</returns>
    public IReadOnlyList<(int Pid, string ExecId)> Processes()
    {
        List<(int, string)> processes = [];
        if (!Sandbox.Died.IsCompleted)
            processes.Add((Sandbox.Pid, ""));
        foreach (Exec exec in _execs.Values)
            if (exec.Process is { State: ProcessState.Running, Pid: > 0 } process)
                processes.Add((process.Pid, process.Id));
        return processes;
    }

    /// <summary>What the container uses; if it has ended, what it used when that was asked last.</summary>
    /// <exception cref="RefusedException">It has been deleted.</exception>
    /// <exception cref="RunscException">The sandbox failed.</exception>
    /// <exception cref="LinuxException">Its limit cannot be read.</exception>
    public async Task<ContainerUsage> UsageAsync()
    {
        if (Init.State == ProcessState.Deleted)
            throw new RefusedException(Refusal.NotFound, $"{Init} is {StateName}: it has no statistics");
        if (!HasEnded)
            try
            {
                var usage = new ContainerUsage(await _statistics.ReadAsync(), Sandbox.Usage.ReadCpu(),
                    Sandbox.Usage.Read(), IsSandbox);
                _usage = usage.Divided(_usage);
            }
            catch (RunscException) when (Init.Exited.Task.IsCompleted || Sandbox.Died.IsCompleted)
            {
                // It has ended, and that is still to be reported.
            }
        // containerd asks after an exit: it may have been for want of memory.
        return (_usage ?? new ContainerUsage(new RunscStats(), null, null, IsSandbox)) with
        {
            MemoryLimit = MemoryLimit(),
            OutOfMemoryKills = _outOfMemoryKills,
        };
    }

    /// <summary>
    /// Nothing is ever larger than the node's memory, and the CRI subtracts what is in use from any number but 2^62 and
    /// more.
    /// </summary>
    private ulong MemoryLimit()
    {
        ulong limit = _usage?.Inside.MemoryLimit is { } known and > 0 ? known
            : FindOwnCgroup() is { } group ? CgroupReader.MemoryLimit(group) : ulong.MaxValue;
        return Math.Min(limit, NodeMemory.Total);
    }

    /// <summary>Changes the container's limits.</summary>
    /// <remarks>
    /// The processes of all of a sandbox's containers are in the first one's cgroup. The others have cgroups too, which
    /// runsc makes for those who look for them; limits there are seen, but limit nothing. What limits them is the pod's
    /// cgroup, which changes with them (<see cref="PodLimits"/>), or which a kubelet changes.
    /// </remarks>
    /// <param name="resources">OCI LinuxResources, as JSON.</param>
    /// <exception cref="RefusedException">It is not that, or the container has no cgroup.</exception>
    /// <exception cref="LinuxException">The kernel refused a limit.</exception>
    /// <exception cref="IOException">The kernel did not set one within a minute.</exception>
    public Task UpdateAsync(ReadOnlyMemory<byte> resources) => Init.Operations.RunAsync(async () =>
    {
        ResourceLimits limits = ResourcesJson.Parse(resources);
        if (HasEnded)
            throw new RefusedException(Refusal.WrongState, $"cannot update {Init}: it is {StateName}");
        Cgroup group = FindOwnCgroup() ?? throw new RefusedException(Refusal.Unsupported,
            $"cannot update {Init}: it has no cgroup of its own on the node");
        // What holds comes first: a limit that is refused shall not be seen either.
        if (!IsSandbox)
            await Sandbox.Limits.ChangeAsync(Id, limits, () => ApplyAsync(group, limits));
        else
            await Sandbox.Limits.ChangePodAsync(limits,
                () => ApplyAsync(group, Sandbox.Limits.AreHeld ? PodResources.Others(limits) : limits));
    });

    /// <summary>The kernel first frees what it can of the memory that is more than a new limit.</summary>
    private Task ApplyAsync(Cgroup group, ResourceLimits limits) =>
        _context.Blocking.RunAsync("limit", Id, () => CgroupLimits.Apply(group, limits));

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

    /// <summary>It stays where it is, and containerd asks for statistics every second.</summary>
    private Cgroup? FindOwnCgroup() =>
        IsSandbox ? Sandbox.Cgroup : _cgroup ??= RunscCgroup.Find(_context.Cgroups, _cgroupsPath);
}
