namespace Linux;

/// <summary>The processor time of a group, according to the kernel. Times in nanoseconds.</summary>
public sealed record CgroupCpu
{
    private const ulong NanosecondsPerMicrosecond = 1000;

    /// <summary>All of it.</summary>
    public ulong Total { get; init; }

    /// <summary>Its part in user mode.</summary>
    public ulong User { get; init; }

    /// <summary>Its part in the kernel.</summary>
    public ulong Kernel { get; init; }

    /// <summary>The periods in which the group ran under a quota.</summary>
    public ulong Periods { get; init; }

    /// <summary>Those of them in which it used up the quota.</summary>
    public ulong ThrottledPeriods { get; init; }

    /// <summary>How long it had to wait then.</summary>
    public ulong ThrottledTime { get; init; }

    /// <summary>Reads it.</summary>
    /// <param name="group">The group.</param>
    /// <param name="recent">What was read before: all but the total is taken from it where that spares files (v1).
    /// </param>
    /// <returns>Null if the group is gone, or no controller accounts for it.</returns>
    /// <exception cref="LinuxException">A file exists and cannot be read.</exception>
    public static CgroupCpu? Read(Cgroup group, CgroupCpu? recent = null)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Mode == CgroupMode.Unified ? ReadV2(group.UnifiedDirectory!)
            : ReadV1(group.DirectoryOf("cpuacct"), group.DirectoryOf("cpu"), recent);
    }

    private static CgroupCpu? ReadV1(string? account, string? limit, CgroupCpu? recent)
    {
        if (CgroupReader.NumberIn(account, "cpuacct.usage") is not { } total)
            return null;
        if (recent is not null)
            return recent with { Total = total };
        Counters throttling = CgroupReader.CountersIn(limit, "cpu.stat");
        return new CgroupCpu
        {
            Total = total,
            User = CgroupReader.NumberIn(account, "cpuacct.usage_user") ?? 0,
            Kernel = CgroupReader.NumberIn(account, "cpuacct.usage_sys") ?? 0,
            Periods = throttling["nr_periods"],
            ThrottledPeriods = throttling["nr_throttled"],
            ThrottledTime = throttling["throttled_time"],
        };
    }

    private static CgroupCpu? ReadV2(string directory)
    {
        if (CgroupReader.TextIn(directory, "cpu.stat") is not { } text)
            return null;
        Counters cpu = Counters.Parse(text);
        return new CgroupCpu
        {
            Total = cpu["usage_usec"] * NanosecondsPerMicrosecond,
            User = cpu["user_usec"] * NanosecondsPerMicrosecond,
            Kernel = cpu["system_usec"] * NanosecondsPerMicrosecond,
            Periods = cpu["nr_periods"],
            ThrottledPeriods = cpu["nr_throttled"],
            ThrottledTime = cpu["throttled_usec"] * NanosecondsPerMicrosecond,
        };
    }
}
