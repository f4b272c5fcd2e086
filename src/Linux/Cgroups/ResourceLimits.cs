namespace Linux;

/// <summary>Limits of a control group, as the OCI runtime specification names them; null leaves one as it is.</summary>
public sealed record ResourceLimits
{
    /// <summary>Relative weight of CPU time, 2 to 262144.</summary>
    public ulong? CpuShares { get; init; }

    /// <summary>CPU time in each period, in microseconds; below zero: no limit.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>The period, in microseconds.</summary>
    public ulong? CpuPeriod { get; init; }

    /// <summary>Processors, such as <c>0-3,7</c>.</summary>
    public string? CpusetCpus { get; init; }

    /// <summary>Memory nodes, such as <c>0</c>.</summary>
    public string? CpusetMems { get; init; }

    /// <summary>Memory, in bytes; below zero: no limit.</summary>
    public long? Memory { get; init; }

    /// <summary>Memory and swap together, in bytes; below zero: no limit.</summary>
    public long? MemorySwap { get; init; }

    /// <summary>Number of processes; zero or below: no limit.</summary>
    public long? Pids { get; init; }

    /// <summary>cgroup v2 files and what to write into them.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = new Dictionary<string, string>();
}
