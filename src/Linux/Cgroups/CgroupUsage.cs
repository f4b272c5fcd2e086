namespace Linux;

/// <summary>
/// What a group uses besides processor time (<see cref="CgroupCpu"/>), according to the kernel. What no controller
/// accounts for, or this kernel does not count, is 0. Sizes in bytes.
/// </summary>
public sealed record CgroupUsage
{
    /// <summary>Memory in use.</summary>
    public ulong Memory { get; init; }

    /// <summary>The most memory that was in use.</summary>
    public ulong MemoryMax { get; init; }

    /// <summary>How often the memory limit was reached.</summary>
    public ulong MemoryFailures { get; init; }

    /// <summary>Swap in use.</summary>
    public ulong Swap { get; init; }

    /// <summary>memory.stat, by the kernel's names, which differ between v1 and v2.</summary>
    public Counters MemoryStat { get; init; } = Counters.None;

    /// <summary>memory.oom_control (v1) or memory.events (v2), by the kernel's names.</summary>
    public Counters MemoryEvents { get; init; } = Counters.None;

    /// <summary>Processes and threads.</summary>
    public ulong Pids { get; init; }

    /// <summary>The limit on them; 0: none.</summary>
    public ulong PidsLimit { get; init; }

    /// <summary>What was read from and written to disks.</summary>
    public IReadOnlyList<BlockUsage> Blocks { get; init; } = [];

    /// <summary>How processes waited for a processor (v2 alone).</summary>
    public Pressure? CpuPressure { get; init; }

    /// <summary>How they waited for memory (v2 alone).</summary>
    public Pressure? MemoryPressure { get; init; }

    /// <summary>How they waited for disks (v2 alone).</summary>
    public Pressure? IoPressure { get; init; }

    /// <summary>Reads it.</summary>
    /// <returns>Null if the group is gone, or no controller accounts for its memory.</returns>
    /// <exception cref="LinuxException">A file exists and cannot be read.</exception>
    public static CgroupUsage? Read(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Mode == CgroupMode.Unified ? ReadV2(group.UnifiedDirectory!) : ReadV1(group);
    }

    private static CgroupUsage? ReadV1(Cgroup group)
    {
        string? memory = group.DirectoryOf("memory"), pids = group.DirectoryOf("pids");
        if (CgroupReader.NumberIn(memory, "memory.usage_in_bytes") is not { } inUse)
            return null;
        return new CgroupUsage
        {
            Memory = inUse,
            MemoryMax = CgroupReader.NumberIn(memory, "memory.max_usage_in_bytes") ?? 0,
            MemoryFailures = CgroupReader.NumberIn(memory, "memory.failcnt") ?? 0,
            // Counted together with memory, and only if the kernel was told to.
            Swap = CgroupReader.NumberIn(memory, "memory.memsw.usage_in_bytes") is { } both && both > inUse
                ? both - inUse : 0,
            MemoryStat = CgroupReader.CountersIn(memory, "memory.stat"),
            MemoryEvents = CgroupReader.CountersIn(memory, "memory.oom_control"),
            Pids = CgroupReader.NumberIn(pids, "pids.current") ?? 0,
            PidsLimit = LimitIn(pids, "pids.max"),
            Blocks = BlockUsage.ParseV1(
                CgroupReader.TextIn(group.DirectoryOf("blkio"), "blkio.throttle.io_service_bytes_recursive"),
                CgroupReader.TextIn(group.DirectoryOf("blkio"), "blkio.throttle.io_serviced_recursive")),
        };
    }

    private static CgroupUsage? ReadV2(string directory)
    {
        if (CgroupReader.NumberIn(directory, "memory.current") is not { } inUse)
            return null;
        Counters events = CgroupReader.CountersIn(directory, "memory.events");
        return new CgroupUsage
        {
            Memory = inUse,
            MemoryMax = CgroupReader.NumberIn(directory, "memory.peak") ?? 0,
            MemoryFailures = events["max"],
            Swap = CgroupReader.NumberIn(directory, "memory.swap.current") ?? 0,
            MemoryStat = CgroupReader.CountersIn(directory, "memory.stat"),
            MemoryEvents = events,
            Pids = CgroupReader.NumberIn(directory, "pids.current") ?? 0,
            PidsLimit = LimitIn(directory, "pids.max"),
            Blocks = BlockUsage.ParseV2(CgroupReader.TextIn(directory, "io.stat")),
            CpuPressure = Pressure.Parse(CgroupReader.TextIn(directory, "cpu.pressure")),
            MemoryPressure = Pressure.Parse(CgroupReader.TextIn(directory, "memory.pressure")),
            IoPressure = Pressure.Parse(CgroupReader.TextIn(directory, "io.pressure")),
        };
    }

    private static ulong LimitIn(string? directory, string file) =>
        CgroupReader.NumberIn(directory, file) is { } limit and < ulong.MaxValue ? limit : 0;
}
