namespace Linux;

/// <summary>Reads a group's statistics. Every file may be missing: a controller not mounted or not enabled, an older
/// kernel, a group just removed.</summary>
public static class CgroupReader
{
    private const ulong NanosecondsPerTick = 10_000_000; // USER_HZ is 100 on every architecture served

    /// <summary>The statistics of the v1 controllers.</summary>
    /// <exception cref="LinuxException">A file exists and cannot be read.</exception>
    public static CgroupV1Stats ReadV1(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        string? memory = group.DirectoryOf("memory");
        string? account = group.DirectoryOf("cpuacct");
        string? blkio = group.DirectoryOf("blkio");
        Counters cpu = KeyedIn(account, "cpuacct.stat");
        return new CgroupV1Stats
        {
            Memory = MemoryIn(memory, "memory"),
            Swap = MemoryIn(memory, "memory.memsw"),
            Kernel = MemoryIn(memory, "memory.kmem"),
            KernelTcp = MemoryIn(memory, "memory.kmem.tcp"),
            MemoryStat = KeyedIn(memory, "memory.stat"),
            OomControl = KeyedIn(memory, "memory.oom_control"),
            CpuTotal = NumberIn(account, "cpuacct.usage"),
            CpuUser = cpu["user"] * NanosecondsPerTick,
            CpuKernel = cpu["system"] * NanosecondsPerTick,
            CpuPerCpu = TextIn(account, "cpuacct.usage_percpu") is { } perCpu ? CgroupText.Numbers(perCpu) : [],
            CpuStat = KeyedIn(group.DirectoryOf("cpu"), "cpu.stat"),
            Pids = PidsIn(group.DirectoryOf("pids")),
            HugePages = HugePagesIn(group.DirectoryOf("hugetlb"), ".usage_in_bytes", ".max_usage_in_bytes"),
            IoServiceBytes = BlockIoIn(blkio, "io_service_bytes"),
            IoServiced = BlockIoIn(blkio, "io_serviced"),
        };
    }

    /// <summary>The statistics of cgroup v2.</summary>
    /// <exception cref="LinuxException">A file exists and cannot be read.</exception>
    public static CgroupV2Stats ReadV2(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        string? directory = group.UnifiedDirectory;
        return new CgroupV2Stats
        {
            Cpu = KeyedIn(directory, "cpu.stat"),
            MemoryStat = KeyedIn(directory, "memory.stat"),
            MemoryEvents = KeyedIn(directory, "memory.events"),
            MemoryUsage = NumberIn(directory, "memory.current"),
            MemoryLimit = NumberIn(directory, "memory.max"),
            MemoryPeak = NumberIn(directory, "memory.peak"),
            SwapUsage = NumberIn(directory, "memory.swap.current"),
            SwapLimit = NumberIn(directory, "memory.swap.max"),
            SwapPeak = NumberIn(directory, "memory.swap.peak"),
            Pids = PidsIn(directory),
            Io = TextIn(directory, "io.stat") is { } io ? CgroupText.IoV2(io) : [],
            HugePages = HugePagesIn(directory, ".current", ".max"),
        };
    }

    /// <summary>The limit of memory in bytes; a huge number, <see cref="ulong.MaxValue"/> where there is no such file, for
    /// none.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong MemoryLimit(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return (group.Mode == CgroupMode.Unified
            ? NumberIn(group.UnifiedDirectory, "memory.max")
            : NumberIn(group.DirectoryOf("memory"), "memory.limit_in_bytes")) ?? ulong.MaxValue;
    }

    /// <summary>The processor time in nanoseconds; null where no controller counts it.</summary>
    /// <exception cref="LinuxException">The file exists and cannot be read.</exception>
    public static ulong? CpuUsage(Cgroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        const ulong NanosecondsPerMicrosecond = 1000;
        if (group.Mode != CgroupMode.Unified)
            return NumberIn(group.DirectoryOf("cpuacct"), "cpuacct.usage");
        return TextIn(group.UnifiedDirectory, "cpu.stat") is { } text
            ? Counters.Parse(text)["usage_usec"] * NanosecondsPerMicrosecond
            : null;
    }

    private static string? TextIn(string? directory, string file) =>
        directory is null ? null : SmallFile.TryReadText($"{directory}/{file}");

    private static ulong? NumberIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? CgroupText.Number(text) : null;

    private static Counters KeyedIn(string? directory, string file) =>
        TextIn(directory, file) is { } text ? Counters.Parse(text) : Counters.None;

    private static MemoryUse? MemoryIn(string? directory, string resource) =>
        NumberIn(directory, $"{resource}.usage_in_bytes") is { } usage
            ? new MemoryUse(usage,
                NumberIn(directory, $"{resource}.limit_in_bytes") ?? 0,
                NumberIn(directory, $"{resource}.max_usage_in_bytes") ?? 0,
                NumberIn(directory, $"{resource}.failcnt") ?? 0)
            : null;

    private static PidsUse? PidsIn(string? directory) =>
        NumberIn(directory, "pids.current") is { } current
            ? new PidsUse(current, NumberIn(directory, "pids.max") ?? ulong.MaxValue)
            : null;

    /// <summary>The scheduler's own counts where it keeps some (CFQ, BFQ), else those of the throttling layer, which
    /// are always there.</summary>
    private static List<BlockIoEntry> BlockIoIn(string? directory, string what)
    {
        foreach (string file in (ReadOnlySpan<string>)[$"blkio.{what}_recursive", $"blkio.bfq.{what}_recursive",
            $"blkio.throttle.{what}_recursive", $"blkio.throttle.{what}"])
        {
            if (TextIn(directory, file) is { } text && CgroupText.BlockIoV1(text) is { Count: > 0 } entries)
                return entries;
        }
        return [];
    }

    private static List<HugePageUse> HugePagesIn(string? directory, string usageSuffix, string maxSuffix)
    {
        const string Prefix = "hugetlb.";
        List<HugePageUse> uses = [];
        if (directory is null || !Directory.Exists(directory))
            return uses;
        foreach (string path in Directory.EnumerateFiles(directory, $"{Prefix}*{usageSuffix}"))
        {
            string size = Path.GetFileName(path)[Prefix.Length..^usageSuffix.Length];
            // hugetlb.2MB.rsvd.current matches too: reserved pages, which are not used ones.
            if (size.Contains('.') || NumberIn(directory, $"{Prefix}{size}{usageSuffix}") is not { } usage)
                continue;
            ulong failures = NumberIn(directory, $"{Prefix}{size}.failcnt")
                ?? KeyedIn(directory, $"{Prefix}{size}.events")["max"];
            uses.Add(new HugePageUse(size, usage, NumberIn(directory, $"{Prefix}{size}{maxSuffix}") ?? 0, failures));
        }
        return uses;
    }
}
