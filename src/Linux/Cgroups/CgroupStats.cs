namespace Linux;

/// <summary>One resource of the v1 memory controller, in bytes.</summary>
/// <param name="Usage">*.usage_in_bytes.</param>
/// <param name="Limit">*.limit_in_bytes; a huge number means none.</param>
/// <param name="Max">*.max_usage_in_bytes: the most there ever was.</param>
/// <param name="FailCount">*.failcnt: how often the limit was hit.</param>
public readonly record struct MemoryUse(ulong Usage, ulong Limit, ulong Max, ulong FailCount);

/// <summary>The pids controller.</summary>
/// <param name="Current">Tasks in the group and below.</param>
/// <param name="Limit">The most allowed; <see cref="ulong.MaxValue"/> for no limit.</param>
public readonly record struct PidsUse(ulong Current, ulong Limit);

/// <summary>Huge pages of one size, in bytes.</summary>
/// <param name="PageSize">The size as in the file's name, such as 2MB.</param>
/// <param name="Usage">In use.</param>
/// <param name="Max">v1: the most there ever was. v2: the limit.</param>
/// <param name="FailCount">How often the limit was hit.</param>
public readonly record struct HugePageUse(string PageSize, ulong Usage, ulong Max, ulong FailCount);

/// <summary>A line of a v1 blkio file.</summary>
/// <param name="Major">The device.</param>
/// <param name="Minor">The device.</param>
/// <param name="Operation">Read, Write, Sync, Async, Discard, Total, or empty.</param>
/// <param name="Value">Bytes or operations, by file.</param>
public readonly record struct BlockIoEntry(uint Major, uint Minor, string Operation, ulong Value);

/// <summary>A line of v2's io.stat.</summary>
/// <param name="Major">The device.</param>
/// <param name="Minor">The device.</param>
/// <param name="ReadBytes">rbytes.</param>
/// <param name="WrittenBytes">wbytes.</param>
/// <param name="Reads">rios.</param>
/// <param name="Writes">wios.</param>
public readonly record struct IoStat(uint Major, uint Minor, ulong ReadBytes, ulong WrittenBytes, ulong Reads,
    ulong Writes);

/// <summary>What the v1 controllers tell about a group. Null or empty: the controller is not mounted, or this kernel
/// does not have the file.</summary>
public sealed record CgroupV1Stats
{
    /// <summary>memory.*</summary>
    public MemoryUse? Memory { get; init; }
    /// <summary>memory.memsw.*: memory and swap together.</summary>
    public MemoryUse? Swap { get; init; }
    /// <summary>memory.kmem.*</summary>
    public MemoryUse? Kernel { get; init; }
    /// <summary>memory.kmem.tcp.*</summary>
    public MemoryUse? KernelTcp { get; init; }
    /// <summary>memory.stat</summary>
    public Counters MemoryStat { get; init; } = Counters.None;
    /// <summary>memory.oom_control</summary>
    public Counters OomControl { get; init; } = Counters.None;
    /// <summary>cpuacct.usage, in nanoseconds.</summary>
    public ulong? CpuTotal { get; init; }
    /// <summary>The user part of cpuacct.stat, in nanoseconds (the file counts hundredths of a second).</summary>
    public ulong CpuUser { get; init; }
    /// <summary>The system part of cpuacct.stat, in nanoseconds.</summary>
    public ulong CpuKernel { get; init; }
    /// <summary>cpuacct.usage_percpu, in nanoseconds.</summary>
    public IReadOnlyList<ulong> CpuPerCpu { get; init; } = [];
    /// <summary>cpu.stat: nr_periods, nr_throttled, throttled_time in nanoseconds.</summary>
    public Counters CpuStat { get; init; } = Counters.None;
    /// <summary>pids.*</summary>
    public PidsUse? Pids { get; init; }
    /// <summary>hugetlb.*</summary>
    public IReadOnlyList<HugePageUse> HugePages { get; init; } = [];
    /// <summary>Bytes by device and operation, of the group and those below.</summary>
    public IReadOnlyList<BlockIoEntry> IoServiceBytes { get; init; } = [];
    /// <summary>Operations by device and operation, of the group and those below.</summary>
    public IReadOnlyList<BlockIoEntry> IoServiced { get; init; } = [];
}

/// <summary>What cgroup v2 tells about a group. Null or empty: the controller is not enabled there, or this kernel
/// does not have the file. Limits of `max` are <see cref="ulong.MaxValue"/>.</summary>
public sealed record CgroupV2Stats
{
    /// <summary>cpu.stat: usage_usec, user_usec, system_usec, nr_periods, nr_throttled, throttled_usec …</summary>
    public Counters Cpu { get; init; } = Counters.None;
    /// <summary>memory.stat</summary>
    public Counters MemoryStat { get; init; } = Counters.None;
    /// <summary>memory.events: low, high, max, oom, oom_kill, oom_group_kill.</summary>
    public Counters MemoryEvents { get; init; } = Counters.None;
    /// <summary>memory.current, in bytes.</summary>
    public ulong? MemoryUsage { get; init; }
    /// <summary>memory.max, in bytes.</summary>
    public ulong? MemoryLimit { get; init; }
    /// <summary>memory.peak, in bytes (Linux 5.19).</summary>
    public ulong? MemoryPeak { get; init; }
    /// <summary>memory.swap.current, in bytes.</summary>
    public ulong? SwapUsage { get; init; }
    /// <summary>memory.swap.max, in bytes.</summary>
    public ulong? SwapLimit { get; init; }
    /// <summary>memory.swap.peak, in bytes (Linux 6.5).</summary>
    public ulong? SwapPeak { get; init; }
    /// <summary>pids.*</summary>
    public PidsUse? Pids { get; init; }
    /// <summary>io.stat</summary>
    public IReadOnlyList<IoStat> Io { get; init; } = [];
    /// <summary>hugetlb.*</summary>
    public IReadOnlyList<HugePageUse> HugePages { get; init; } = [];
}
