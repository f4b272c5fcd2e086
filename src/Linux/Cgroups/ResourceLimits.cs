using System.Collections.ObjectModel;

namespace Linux;

/// <summary>Limits of a control group, named as in the OCI runtime specification. Null leaves a limit
/// unchanged.</summary>
public sealed record ResourceLimits
{
    /// <summary>Relative weight of CPU time, 2 to 262144.</summary>
    public ulong? CpuShares { get; init; }

    /// <summary>CPU time in each period, in microseconds; negative: no limit.</summary>
    public long? CpuQuota { get; init; }

    /// <summary>The period, in microseconds.</summary>
    public ulong? CpuPeriod { get; init; }

    /// <summary>Processors, such as <c>0-3,7</c>.</summary>
    public string? CpusetCpus { get; init; }

    /// <summary>Memory nodes, such as <c>0</c>.</summary>
    public string? CpusetMems { get; init; }

    /// <summary>Memory, in bytes; negative: no limit.</summary>
    public long? Memory { get; init; }

    /// <summary>Memory and swap together, in bytes; negative: no limit.</summary>
    public long? MemorySwap { get; init; }

    /// <summary>Number of processes; zero or negative: no limit.</summary>
    public long? Pids { get; init; }

    /// <summary>Files of cgroup v2, and what to write into each.</summary>
    public IReadOnlyDictionary<string, string> Unified { get; init; } = ReadOnlyDictionary<string, string>.Empty;
}
