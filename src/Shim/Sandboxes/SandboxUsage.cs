using Linux;

namespace Shim.Sandboxes;

/// <summary>
/// What a sandbox uses according to its cgroup on the node. containerd asks for each of its containers every second, so
/// what need not be exact to the millisecond is read for all of them together.
/// </summary>
/// <param name="group">The cgroup; null if the sandbox has none of its own.</param>
/// <param name="time">The loop's clock.</param>
internal sealed class SandboxUsage(Cgroup? group, TimeProvider time)
{
    private static readonly TimeSpan s_fresh = TimeSpan.FromMilliseconds(500);

    // containerd computes rates from it, so it is as old as the question.
    private static readonly TimeSpan s_sameQuestion = TimeSpan.FromMilliseconds(10);

    private CgroupUsage? _usage;
    private CgroupCpu? _cpu;
    private long _usageReadAt;
    private long _cpuReadAt;
    private long _cpuPartsReadAt;

    /// <summary>What it uses, or used when its cgroup was there; at most 500 ms old. Null if that is not known.
    /// </summary>
    public CgroupUsage? Read()
    {
        if (group is null || (_usage is not null && time.GetElapsedTime(_usageReadAt) < s_fresh))
            return _usage;
        _usageReadAt = time.GetTimestamp();
        return _usage = Try(CgroupUsage.Read) ?? _usage;
    }

    /// <summary>
    /// Its processor time, or what that was when its cgroup was there. The total is new with each question, its parts
    /// are at most 500 ms old. Null if it is not known.
    /// </summary>
    public CgroupCpu? ReadCpu()
    {
        if (group is null || (_cpu is not null && time.GetElapsedTime(_cpuReadAt) < s_sameQuestion))
            return _cpu;
        _cpuReadAt = time.GetTimestamp();
        bool isRecent = _cpu is not null && time.GetElapsedTime(_cpuPartsReadAt) < s_fresh;
        if (!isRecent)
            _cpuPartsReadAt = _cpuReadAt;
        return _cpu = Try(each => CgroupCpu.Read(each, isRecent ? _cpu : null)) ?? _cpu;
    }

    /// <summary>Figures that cannot be read are no reason to withhold the others.</summary>
    private T? Try<T>(Func<Cgroup, T?> read) where T : class
    {
        try
        {
            return read(group!);
        }
        catch (LinuxException)
        {
            return null;
        }
    }
}
