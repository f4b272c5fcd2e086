using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Containers;
using Shim.Runsc;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace Shim.Service;

/// <summary>Converts a container's statistics to the message for the node's version of cgroups.</summary>
/// <remarks>
/// Every message in it is set, also without a value: containerd's clients (ctr, nerdctl, the CRI) read them without a
/// check.
/// </remarks>
internal static class Metrics
{
    private const ulong NanosecondsPerMicrosecond = 1000;

    /// <summary>The message of cgroup v1: times in nanoseconds.</summary>
    public static Any ToV1(ContainerUsage usage)
    {
        RunscStats inside = usage.Inside;
        var metrics = new V1.Metrics
        {
            Cpu = new V1.CPUStat
            {
                Usage = new V1.CPUUsage { Total = inside.CpuTotal, Kernel = usage.CpuKernel, User = usage.CpuUser },
                Throttling = new V1.Throttle
                {
                    Periods = usage.Cpu?.Periods ?? 0,
                    ThrottledPeriods = usage.Cpu?.ThrottledPeriods ?? 0,
                    ThrottledTime = usage.Cpu?.ThrottledTime ?? 0,
                },
            },
            Memory = MemoryOfV1(usage),
            Pids = new V1.PidsStat { Current = inside.PidsCurrent, Limit = usage.PidsLimit },
            Blkio = new V1.BlkIOStat(),
            Rdma = new V1.RdmaStat(),
            MemoryOomControl = new V1.MemoryOomControl
            {
                OomKillDisable = usage.MemoryEvents["oom_kill_disable"],
                UnderOom = usage.MemoryEvents["under_oom"],
                OomKill = usage.OutOfMemoryKills,
            },
        };
        foreach (ulong processor in inside.CpuPerProcessor)
            metrics.Cpu.Usage.PerCpu.Add(processor);
        foreach (BlockUsage block in usage.Undivided?.Blocks ?? [])
        {
            AddV1(metrics.Blkio.IoServiceBytesRecursive, block, block.ReadBytes, block.WriteBytes);
            AddV1(metrics.Blkio.IoServicedRecursive, block, block.Reads, block.Writes);
        }
        foreach (RunscNetworkInterface each in inside.Interfaces)
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
    public static Any ToV2(ContainerUsage usage)
    {
        RunscStats inside = usage.Inside;
        var metrics = new V2.Metrics
        {
            Cpu = new V2.CPUStat
            {
                UsageUsec = inside.CpuTotal / NanosecondsPerMicrosecond,
                UserUsec = usage.CpuUser / NanosecondsPerMicrosecond,
                SystemUsec = usage.CpuKernel / NanosecondsPerMicrosecond,
                NrPeriods = usage.Cpu?.Periods ?? 0,
                NrThrottled = usage.Cpu?.ThrottledPeriods ?? 0,
                ThrottledUsec = (usage.Cpu?.ThrottledTime ?? 0) / NanosecondsPerMicrosecond,
                Psi = Psi(usage.Node?.CpuPressure),
            },
            Memory = MemoryOfV2(usage),
            Pids = new V2.PidsStat { Current = inside.PidsCurrent, Limit = usage.PidsLimit },
            Io = new V2.IOStat { Psi = Psi(usage.Node?.IoPressure) },
            Rdma = new V2.RdmaStat(),
            MemoryEvents = new V2.MemoryEvents
            {
                Low = usage.MemoryEvents["low"],
                High = usage.MemoryEvents["high"],
                Max = usage.MemoryFailures,
                Oom = Math.Max(usage.MemoryEvents["oom"], usage.OutOfMemoryKills),
                OomKill = usage.OutOfMemoryKills,
                OomGroupKill = usage.MemoryEvents["oom_group_kill"],
            },
        };
        foreach (BlockUsage block in usage.Undivided?.Blocks ?? [])
            metrics.Io.Usage.Add(new V2.IOEntry
            {
                Major = block.Major,
                Minor = block.Minor,
                Rbytes = block.ReadBytes,
                Wbytes = block.WriteBytes,
                Rios = block.Reads,
                Wios = block.Writes,
            });
        foreach (RunscNetworkInterface each in inside.Interfaces)
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

    private static V1.MemoryStat MemoryOfV1(ContainerUsage usage)
    {
        Counters stat = usage.MemoryStat;
        return new V1.MemoryStat
        {
            Cache = usage.Cached,
            Rss = usage.Own,
            ActiveAnon = usage.Own,
            InactiveFile = usage.Cached,
            PgPgIn = stat["pgpgin"],
            PgPgOut = stat["pgpgout"],
            PgFault = stat["pgfault"],
            PgMajFault = stat["pgmajfault"],
            HierarchicalMemoryLimit = usage.MemoryLimit,
            TotalCache = usage.Cached,
            TotalRss = usage.Own,
            TotalActiveAnon = usage.Own,
            TotalInactiveFile = usage.Cached,
            TotalPgPgIn = stat["total_pgpgin"],
            TotalPgPgOut = stat["total_pgpgout"],
            TotalPgFault = stat["total_pgfault"],
            TotalPgMajFault = stat["total_pgmajfault"],
            Usage = new V1.MemoryEntry
            {
                Limit = usage.MemoryLimit,
                Usage = usage.Memory,
                Max = usage.MemoryMax,
                Failcnt = usage.MemoryFailures,
            },
            Swap = new V1.MemoryEntry { Usage = usage.Swap },
            Kernel = new V1.MemoryEntry(),
            KernelTcp = new V1.MemoryEntry(),
        };
    }

    private static V2.MemoryStat MemoryOfV2(ContainerUsage usage)
    {
        Counters stat = usage.MemoryStat;
        return new V2.MemoryStat
        {
            Anon = usage.Own,
            File = usage.Cached,
            ActiveAnon = usage.Own,
            InactiveFile = usage.Cached,
            KernelStack = stat["kernel_stack"],
            Slab = stat["slab"],
            SlabReclaimable = stat["slab_reclaimable"],
            SlabUnreclaimable = stat["slab_unreclaimable"],
            Sock = stat["sock"],
            Pgfault = stat["pgfault"],
            Pgmajfault = stat["pgmajfault"],
            Usage = usage.Memory,
            UsageLimit = usage.MemoryLimit,
            MaxUsage = usage.MemoryMax,
            SwapUsage = usage.Swap,
            Psi = Psi(usage.Node?.MemoryPressure),
        };
    }

    private static void AddV1(RepeatedField<V1.BlkIOEntry> to, BlockUsage block, ulong read, ulong written)
    {
        foreach ((string operation, ulong value) in
            (ReadOnlySpan<(string, ulong)>)[("Read", read), ("Write", written), ("Total", read + written)])
            to.Add(new V1.BlkIOEntry { Op = operation, Major = block.Major, Minor = block.Minor, Value = value });
    }

    private static V2.PSIStats Psi(Pressure? pressure) =>
        new() { Some = Times(pressure?.Some ?? default), Full = Times(pressure?.Full ?? default) };

    private static V2.PSIData Times(PressureTimes times) => new()
    {
        Avg10 = times.Average10,
        Avg60 = times.Average60,
        Avg300 = times.Average300,
        Total = times.Total,
    };
}
