using Linux;
using Shim.Runsc;
using Shim.Sandboxes;

namespace Shim.Containers;

/// <summary>
/// What a container uses, as its sandbox says. A sandbox that is stopped or hangs says nothing, and the CRI asks for
/// the statistics of a whole node's containers in turn: then the answer is the last one, or what its cgroup on the node
/// says.
/// </summary>
/// <param name="sandbox">The container's sandbox.</param>
/// <param name="runscId">runsc's id of the container.</param>
/// <param name="cgroup">Finds the container's own cgroup on the node; null if it has none.</param>
/// <param name="time">The loop's clock.</param>
internal sealed class ContainerStatistics(Sandbox sandbox, string runscId, Func<Cgroup?> cgroup, TimeProvider time)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(2);

    private Task<RunscStats>? _asking;
    private RunscStats? _last;

    /// <summary>Reads them, within 2 s.</summary>
    /// <exception cref="RunscException">The sandbox failed, or does not answer and its cgroup says nothing.</exception>
    /// <exception cref="LinuxException">The cgroup cannot be read.</exception>
    public async Task<RunscStats> ReadAsync()
    {
        // One question at a time: a sandbox that does not answer gets no more of them.
        bool isLate = _asking is { IsCompleted: false };
        try
        {
            if (!isLate)
                _asking = sandbox.Control.StatsAsync(runscId);
            else if (Known() is { } known)
                return known;
            return _last = await _asking!.WaitAsync(s_bound, time);
        }
        catch (TimeoutException e)
        {
            return Known() ?? throw new RunscException(RunscFailure.TimedOut,
                $"no statistics: the sandbox did not answer within {s_bound.TotalSeconds:0} s", e);
        }
        catch (RunscException e) when (e.Failure == RunscFailure.TimedOut)
        {
            if (Known() is { } known)
                return known;
            throw;
        }
    }

    private RunscStats? Known() => _last ?? (cgroup() is { } group ? OfCgroup(group) : null);

    private static RunscStats? OfCgroup(Cgroup group)
    {
        if (CgroupCpu.Read(group) is not { } cpu)
            return null;
        CgroupUsage? usage = CgroupUsage.Read(group);
        return new RunscStats
        {
            CpuTotal = cpu.Total,
            MemoryUsage = usage?.Memory ?? 0,
            PidsCurrent = usage?.Pids ?? 0,
        };
    }
}
