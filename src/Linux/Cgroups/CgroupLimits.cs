using System.Globalization;

namespace Linux;

/// <summary>Writes limits into the files of an existing control group.</summary>
public static class CgroupLimits
{
    private const ulong DefaultPeriod = 100_000;

    /// <summary>Sets the limits that are not null.</summary>
    /// <exception cref="LinuxException">The kernel refused a limit; those before it have been set. EBUSY: more memory
    /// is in use than would be allowed.</exception>
    public static void Apply(Cgroup group, ResourceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentNullException.ThrowIfNull(limits);
        if (group.Mode == CgroupMode.Unified)
            ApplyV2(group, limits);
        else
            ApplyV1(group, limits);
    }

    /// <summary>The v2 weight for v1 shares: the ranges are mapped linearly, as every OCI runtime does.</summary>
    private static ulong WeightOf(ulong shares) => 1 + (Math.Clamp(shares, 2, 262144) - 2) * 9999 / 262142;

    private static void ApplyV1(Cgroup group, ResourceLimits limits)
    {
        // Memory first: it is what may be refused.
        // The memory limit may never exceed that of memory and swap, so the direction decides which is written first.
        bool swapFirst = limits.MemorySwap is { } swap
            && (swap < 0 || swap > Number("memory", "memory.memsw.limit_in_bytes"));
        if (swapFirst)
            Write("memory", "memory.memsw.limit_in_bytes", limits.MemorySwap);
        Write("memory", "memory.limit_in_bytes", limits.Memory);
        if (!swapFirst)
            Write("memory", "memory.memsw.limit_in_bytes", limits.MemorySwap);
        Write("cpu", "cpu.shares", limits.CpuShares);
        // The kernel checks a quota against the current period.
        Write("cpu", "cpu.cfs_period_us", limits.CpuPeriod);
        Write("cpu", "cpu.cfs_quota_us", limits.CpuQuota < 0 ? -1 : limits.CpuQuota);
        Write("cpuset", "cpuset.cpus", Given(limits.CpusetCpus));
        Write("cpuset", "cpuset.mems", Given(limits.CpusetMems));
        Write("pids", "pids.max", limits.Pids is { } pids ? Limit(pids) : null);

        void Write<T>(string controller, string file, T? value)
        {
            if (value is not null && group.DirectoryOf(controller) is { } directory)
                SmallFile.WriteText($"{directory}/{file}", Text(value));
        }

        long Number(string controller, string file) =>
            group.DirectoryOf(controller) is { } directory && SmallFile.TryReadText($"{directory}/{file}") is { } text
            && long.TryParse(text.AsSpan().Trim(), CultureInfo.InvariantCulture, out long number)
                ? number
                : long.MaxValue;
    }

    private static void ApplyV2(Cgroup group, ResourceLimits limits)
    {
        string directory = group.UnifiedDirectory!;
        // Where v1 refuses, v2 kills until the limit holds.
        if (limits.Memory is >= 0 and { } lower && CgroupReader.MemoryInUse(group) is { } inUse && inUse > (ulong)lower)
            throw new LinuxException(Errno.EBUSY, "write", $"{directory}/memory.max",
                $"{inUse} bytes are in use, more than {lower}");
        if (limits.Memory is { } memory)
            Write("memory.max", memory < 0 ? "max" : Text(memory));
        // In v2 the limit is for swap alone.
        if (limits.MemorySwap is { } swap)
            Write("memory.swap.max", swap < 0 ? "max" : Text(Math.Max(0, swap - Math.Max(0, limits.Memory ?? 0))));
        if (limits.CpuShares is { } shares and > 0)
            Write("cpu.weight", Text(WeightOf(shares)));
        if (limits.CpuQuota is { } quota)
            Write("cpu.max", $"{(quota < 0 ? "max" : Text(quota))} {Text(limits.CpuPeriod ?? DefaultPeriod)}");
        Write("cpuset.cpus", Given(limits.CpusetCpus));
        Write("cpuset.mems", Given(limits.CpusetMems));
        if (limits.Pids is { } pids)
            Write("pids.max", Limit(pids));
        foreach ((string file, string value) in limits.Unified)
            Write(PathParts.ComponentsInside(file, "cgroup file") is [var name] ? name
                : throw new LinuxException(Errno.EINVAL, "cgroup", file, "not a file name"), value);

        void Write(string file, string? value)
        {
            if (value is not null)
                SmallFile.WriteText($"{directory}/{file}", value);
        }
    }

    private static string Limit(long value) => value <= 0 ? "max" : Text(value);

    private static string? Given(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static string Text<T>(T value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
