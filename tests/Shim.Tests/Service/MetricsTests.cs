using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Service;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace Shim.Tests.Service;

public sealed class MetricsTests
{
    private static readonly RunscStats s_inside = new()
    {
        CpuTotal = 5_000_999,
        CpuPerProcessor = [1, 2],
        MemoryCache = 10,
        MemoryUsage = 110,
        PidsCurrent = 15,
        Interfaces = [new("eth0", 1, 2, 3, 4, 5, 6, 7, 8)],
    };

    private static readonly CgroupCpu s_cpu = new()
    {
        Total = 50_000_000,
        User = 30_000_000,
        Kernel = 20_000_000,
        Periods = 20,
        ThrottledPeriods = 21,
        ThrottledTime = 22_000,
    };

    private static readonly CgroupUsage s_node = new()
    {
        Memory = 1000,
        MemoryMax = 1100,
        MemoryFailures = 14,
        Swap = 23,
        MemoryStat = Counters.Parse("pgfault 24\ntotal_pgfault 25\npgmajfault 26\nsock 27\n"),
        MemoryEvents = Counters.Parse("under_oom 1\nlow 28\nhigh 29\noom 30\noom_kill 31\n"),
        PidsLimit = 16,
        Blocks = [new BlockUsage(8, 1, 32, 33, 34, 35)],
        CpuPressure = new Pressure(new PressureTimes(0.5, 0.6, 0.7, 36), default),
        MemoryPressure = new Pressure(default, new PressureTimes(0, 0, 0, 37)),
        IoPressure = new Pressure(default, new PressureTimes(0, 0, 0, 38)),
    };

    private static readonly ContainerUsage s_first =
        new ContainerUsage(s_inside, s_cpu, s_node, IsFirst: true) { MemoryLimit = 12, OutOfMemoryKills = 1 }
            .Divided(null);

    private static readonly ContainerUsage s_other = new(s_inside, s_cpu, s_node, IsFirst: false) { MemoryLimit = 12 };

    [Fact]
    public void V1_has_times_in_nanoseconds()
    {
        V1.Metrics metrics = V1Of(s_first);
        Assert.Equal((5_000_999ul, 2_000_400ul, 3_000_599ul),
            (metrics.Cpu.Usage.Total, metrics.Cpu.Usage.Kernel, metrics.Cpu.Usage.User));
        Assert.Equal([1, 2], metrics.Cpu.Usage.PerCpu);
        Assert.Equal(new V1.Throttle { Periods = 20, ThrottledPeriods = 21, ThrottledTime = 22_000 },
            metrics.Cpu.Throttling);
        Assert.Equal((10ul, 10ul, 10ul), (metrics.Memory.Cache, metrics.Memory.TotalCache,
            metrics.Memory.TotalInactiveFile));
        Assert.Equal((100ul, 100ul), (metrics.Memory.Rss, metrics.Memory.TotalRss));
        Assert.Equal((24ul, 25ul, 26ul), (metrics.Memory.PgFault, metrics.Memory.TotalPgFault,
            metrics.Memory.PgMajFault));
        Assert.Equal(new V1.MemoryEntry { Usage = 110, Limit = 12, Max = 1100, Failcnt = 14 }, metrics.Memory.Usage);
        Assert.Equal(23ul, metrics.Memory.Swap.Usage);
        Assert.Equal(new V1.MemoryOomControl { UnderOom = 1, OomKill = 1 }, metrics.MemoryOomControl);
        Assert.Equal(new V1.PidsStat { Current = 15, Limit = 16 }, metrics.Pids);
        Assert.Equal(["Read 8:1 32", "Write 8:1 33", "Total 8:1 65"],
            metrics.Blkio.IoServiceBytesRecursive.Select(TextOf));
        Assert.Equal(["Read 8:1 34", "Write 8:1 35", "Total 8:1 69"],
            metrics.Blkio.IoServicedRecursive.Select(TextOf));
        Assert.Equal(
            new V1.NetworkStat
            {
                Name = "eth0",
                RxBytes = 1,
                RxPackets = 2,
                RxErrors = 3,
                RxDropped = 4,
                TxBytes = 5,
                TxPackets = 6,
                TxErrors = 7,
                TxDropped = 8,
            },
            Assert.Single(metrics.Network));
    }

    [Fact]
    public void V2_has_times_in_microseconds()
    {
        V2.Metrics metrics = V2Of(s_first);
        Assert.Equal((5000ul, 2000ul, 3000ul), (metrics.Cpu.UsageUsec, metrics.Cpu.SystemUsec, metrics.Cpu.UserUsec));
        Assert.Equal((20ul, 21ul, 22ul), (metrics.Cpu.NrPeriods, metrics.Cpu.NrThrottled, metrics.Cpu.ThrottledUsec));
        Assert.Equal(new V2.PSIData { Avg10 = 0.5, Avg60 = 0.6, Avg300 = 0.7, Total = 36 }, metrics.Cpu.Psi.Some);
        Assert.Equal((110ul, 12ul, 1100ul), (metrics.Memory.Usage, metrics.Memory.UsageLimit, metrics.Memory.MaxUsage));
        Assert.Equal((100ul, 10ul, 10ul), (metrics.Memory.Anon, metrics.Memory.File, metrics.Memory.InactiveFile));
        Assert.Equal((24ul, 27ul, 23ul), (metrics.Memory.Pgfault, metrics.Memory.Sock, metrics.Memory.SwapUsage));
        Assert.Equal((37ul, 38ul), (metrics.Memory.Psi.Full.Total, metrics.Io.Psi.Full.Total));
        Assert.Equal(new V2.MemoryEvents { Low = 28, High = 29, Max = 14, Oom = 30, OomKill = 1 },
            metrics.MemoryEvents);
        Assert.Equal(new V2.IOEntry { Major = 8, Minor = 1, Rbytes = 32, Wbytes = 33, Rios = 34, Wios = 35 },
            Assert.Single(metrics.Io.Usage));
        Assert.Equal(new V2.PidsStat { Current = 15, Limit = 16 }, metrics.Pids);
        Assert.Equal(
            new V2.NetworkStat
            {
                Name = "eth0",
                RxBytes = 1,
                RxPackets = 2,
                RxErrors = 3,
                RxDropped = 4,
                TxBytes = 5,
                TxPackets = 6,
                TxErrors = 7,
                TxDropped = 8,
            },
            Assert.Single(metrics.Network));
    }

    [Fact]
    public void What_cannot_be_divided_is_the_first_containers_alone()
    {
        V1.Metrics v1 = V1Of(s_other);
        V2.Metrics v2 = V2Of(s_other);
        Assert.Equal((110ul, 110ul, 0ul), (v1.Memory.Usage.Usage, v1.Memory.Usage.Max, v1.Memory.Usage.Failcnt));
        Assert.Empty(v1.Blkio.IoServiceBytesRecursive);
        Assert.Empty(v2.Io.Usage);
        Assert.Equal(new V1.MemoryOomControl(), v1.MemoryOomControl);
        Assert.Equal(new V2.MemoryEvents(), v2.MemoryEvents);
        // All of them wait together.
        Assert.Equal((21ul, 21ul, 36ul),
            (v1.Cpu.Throttling.ThrottledPeriods, v2.Cpu.NrThrottled, v2.Cpu.Psi.Some.Total));
    }

    /// <summary>nerdctl, ctr and the CRI read them without a check.</summary>
    [Fact]
    public void Without_statistics_every_message_is_there()
    {
        var nothing = new ContainerUsage(new RunscStats(), null, null, IsFirst: true) { MemoryLimit = 0 };
        V1.Metrics v1 = V1Of(nothing);
        foreach (object? each in (object?[])[v1.Pids, v1.Cpu?.Usage, v1.Cpu?.Throttling, v1.Memory?.Usage,
            v1.Memory?.Swap, v1.Memory?.Kernel, v1.Memory?.KernelTcp, v1.Blkio, v1.Rdma, v1.MemoryOomControl])
            Assert.NotNull(each);
        V2.Metrics v2 = V2Of(nothing);
        foreach (object? each in (object?[])[v2.Pids, v2.Cpu?.Psi?.Some, v2.Cpu?.Psi?.Full, v2.Memory?.Psi?.Some,
            v2.Io?.Psi?.Full, v2.Rdma, v2.MemoryEvents])
            Assert.NotNull(each);
    }

    private static string TextOf(V1.BlkIOEntry entry) => $"{entry.Op} {entry.Major}:{entry.Minor} {entry.Value}";

    private static V1.Metrics V1Of(ContainerUsage usage)
    {
        Any any = Metrics.ToV1(usage);
        Assert.Equal("io.containerd.cgroups.v1.Metrics", any.TypeUrl);
        return V1.Metrics.Parser.ParseFrom(any.Value);
    }

    private static V2.Metrics V2Of(ContainerUsage usage)
    {
        Any any = Metrics.ToV2(usage);
        Assert.Equal("io.containerd.cgroups.v2.Metrics", any.TypeUrl);
        return V2.Metrics.Parser.ParseFrom(any.Value);
    }
}
