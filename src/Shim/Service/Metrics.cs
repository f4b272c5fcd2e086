using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Runsc;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace Shim.Service;

/// <summary>Converts a container's statistics to the message for the node's version of cgroups.</summary>
internal static class Metrics
{
    private const ulong NanosecondsPerMicrosecond = 1000;

    /// <summary>The message of cgroup v1: times in nanoseconds.</summary>
    /// <remarks>memory.usage and cpu.usage are always set: <c>ctr</c> reads them without a check.</remarks>
    public static Any ToV1(RunscStats stats)
    {
        var usage = new V1.CPUUsage { Total = stats.CpuTotal, Kernel = stats.CpuKernel, User = stats.CpuUser };
        foreach (ulong processor in stats.CpuPerProcessor)
            usage.PerCpu.Add(processor);
        var metrics = new V1.Metrics
        {
            Cpu = new V1.CPUStat { Usage = usage, Throttling = new V1.Throttle() },
            Memory = new V1.MemoryStat
            {
                Cache = stats.MemoryCache,
                Usage = new V1.MemoryEntry
                {
                    Limit = stats.MemoryLimit,
                    Usage = stats.MemoryUsage,
                    Max = stats.MemoryMax,
                    Failcnt = stats.MemoryFailures,
                },
                Swap = new V1.MemoryEntry(),
                Kernel = new V1.MemoryEntry(),
                KernelTcp = new V1.MemoryEntry(),
            },
            Pids = new V1.PidsStat { Current = stats.PidsCurrent, Limit = stats.PidsLimit },
        };
        foreach (RunscNetworkInterface each in stats.Interfaces)
            metrics.Network.Add(new V1.NetworkStat
            {
                Name = each.Name,
                RxBytes = each.RxBytes,
                RxPackets = each.RxPackets,
                RxErrors = each.RxErrors,
                RxDropped = each.RxDropped,
                TxBytes = each.TxBytes,
                TxPackets = each.TxPackets,
                TxErrors = each.TxErrors,
                TxDropped = each.TxDropped,
            });
        return new Any { TypeUrl = "io.containerd.cgroups.v1.Metrics", Value = metrics.ToByteString() };
    }

    /// <summary>The message of cgroup v2: times in microseconds.</summary>
    public static Any ToV2(RunscStats stats)
    {
        var metrics = new V2.Metrics
        {
            Cpu = new V2.CPUStat
            {
                UsageUsec = stats.CpuTotal / NanosecondsPerMicrosecond,
                UserUsec = stats.CpuUser / NanosecondsPerMicrosecond,
                SystemUsec = stats.CpuKernel / NanosecondsPerMicrosecond,
            },
            Memory = new V2.MemoryStat
            {
                Usage = stats.MemoryUsage,
                UsageLimit = stats.MemoryLimit,
                MaxUsage = stats.MemoryMax,
                File = stats.MemoryCache,
            },
            Pids = new V2.PidsStat { Current = stats.PidsCurrent, Limit = stats.PidsLimit },
            MemoryEvents = new V2.MemoryEvents { Max = stats.MemoryFailures },
        };
        foreach (RunscNetworkInterface each in stats.Interfaces)
            metrics.Network.Add(new V2.NetworkStat
            {
                Name = each.Name,
                RxBytes = each.RxBytes,
                RxPackets = each.RxPackets,
                RxErrors = each.RxErrors,
                RxDropped = each.RxDropped,
                TxBytes = each.TxBytes,
                TxPackets = each.TxPackets,
                TxErrors = each.TxErrors,
                TxDropped = each.TxDropped,
            });
        return new Any { TypeUrl = "io.containerd.cgroups.v2.Metrics", Value = metrics.ToByteString() };
    }
}
