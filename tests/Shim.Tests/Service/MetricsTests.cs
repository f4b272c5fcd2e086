using Google.Protobuf.WellKnownTypes;
using Shim.Runsc;
using Shim.Service;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace Shim.Tests.Service;

public sealed class MetricsTests
{
    private static readonly RunscStats s_stats = new()
    {
        CpuTotal = 5_000_999,
        CpuKernel = 2_000_000,
        CpuUser = 3_000_000,
        CpuPerProcessor = [1, 2],
        MemoryCache = 10,
        MemoryUsage = 11,
        MemoryLimit = 12,
        MemoryMax = 13,
        MemoryFailures = 14,
        PidsCurrent = 15,
        PidsLimit = 16,
        Interfaces = [new("eth0", 1, 2, 3, 4, 5, 6, 7, 8)],
    };

    [Fact]
    public void V1_has_times_in_nanoseconds()
    {
        Any any = Metrics.ToV1(s_stats);
        Assert.Equal("io.containerd.cgroups.v1.Metrics", any.TypeUrl);
        V1.Metrics metrics = V1.Metrics.Parser.ParseFrom(any.Value);
        Assert.Equal((5_000_999ul, 2_000_000ul, 3_000_000ul),
            (metrics.Cpu.Usage.Total, metrics.Cpu.Usage.Kernel, metrics.Cpu.Usage.User));
        Assert.Equal([1, 2], metrics.Cpu.Usage.PerCpu);
        Assert.Equal(10ul, metrics.Memory.Cache);
        Assert.Equal(new V1.MemoryEntry { Usage = 11, Limit = 12, Max = 13, Failcnt = 14 }, metrics.Memory.Usage);
        Assert.Equal(new V1.PidsStat { Current = 15, Limit = 16 }, metrics.Pids);
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
    public void V1_without_statistics_has_the_fields_that_ctr_reads_without_a_check()
    {
        V1.Metrics metrics = V1.Metrics.Parser.ParseFrom(Metrics.ToV1(new RunscStats()).Value);
        Assert.NotNull(metrics.Memory.Usage);
        Assert.NotNull(metrics.Cpu.Usage);
        Assert.NotNull(metrics.Pids);
    }

    [Fact]
    public void V2_has_times_in_microseconds()
    {
        Any any = Metrics.ToV2(s_stats);
        Assert.Equal("io.containerd.cgroups.v2.Metrics", any.TypeUrl);
        V2.Metrics metrics = V2.Metrics.Parser.ParseFrom(any.Value);
        Assert.Equal((5000ul, 2000ul, 3000ul), (metrics.Cpu.UsageUsec, metrics.Cpu.SystemUsec, metrics.Cpu.UserUsec));
        Assert.Equal((11ul, 12ul, 13ul, 10ul),
            (metrics.Memory.Usage, metrics.Memory.UsageLimit, metrics.Memory.MaxUsage, metrics.Memory.File));
        Assert.Equal(14ul, metrics.MemoryEvents.Max);
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
}
