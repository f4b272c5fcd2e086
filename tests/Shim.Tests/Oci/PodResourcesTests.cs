using Linux;
using Shim.Oci;

namespace Shim.Tests.Oci;

public sealed class PodResourcesTests
{
    private const string Prefix = "io.kubernetes.cri.sandbox-";

    [Fact]
    public void The_annotations_give_the_limits_of_the_pod() => Assert.Equal(
        new ResourceLimits { CpuPeriod = 50_000, CpuQuota = 20_000, CpuShares = 300, Memory = 1 << 30 },
        Parse(("cpu-period", "50000"), ("cpu-quota", "20000"), ("cpu-shares", "300"), ("memory", "1073741824")));

    [Fact]
    public void Zero_and_less_is_no_limit() => Assert.Equal(new ResourceLimits(),
        Parse(("cpu-period", "0"), ("cpu-quota", "-1"), ("cpu-shares", "0"), ("memory", "-5")));

    [Theory]
    [InlineData("1e9")]
    [InlineData("")]
    [InlineData("9223372036854775808")]
    public void What_is_not_a_number_is_refused(string text)
    {
        RefusedException refused = Assert.Throws<RefusedException>(() => Parse(("memory", text)));
        Assert.Equal($"annotation io.kubernetes.cri.sandbox-memory is not a number: \"{text}\"", refused.Message);
    }

    [Theory]
    // pod, containers, together
    [InlineData(null, "", -1)]
    [InlineData(500, "", 500)]
    [InlineData(null, "100 200", 300)]
    [InlineData(250, "100 200", 250)]
    [InlineData(500, "100 200", 300)]
    // One of the containers may use any amount.
    [InlineData(null, "100 -", -1)]
    [InlineData(null, "100 0", -1)]
    [InlineData(null, "100 -1", -1)]
    [InlineData(500, "100 -", 500)]
    [InlineData(null, "9223372036854775807 9223372036854775807", long.MaxValue)]
    public void Memory(int? pod, string containers, long together) => Assert.Equal(together,
        PodResources.Together(new ResourceLimits { Memory = pod },
            [.. Split(containers).Select(static memory => new ResourceLimits { Memory = memory })]).Memory);

    [Theory]
    // quota and period of the pod, of the containers, and together
    [InlineData("", "", -1, 100_000)]
    [InlineData("20000/50000", "", 20_000, 50_000)]
    [InlineData("", "20000/100000 30000/100000", 50_000, 100_000)]
    [InlineData("", "20000/50000 30000/50000", 50_000, 50_000)]
    [InlineData("", "20000/50000 30000/100000", 70_000, 100_000)]
    [InlineData("20000/50000", "10000/100000 10000/100000", 10_000, 50_000)]
    [InlineData("20000/50000", "90000/100000", 20_000, 50_000)]
    [InlineData("", "20000/100000 0/100000", -1, 100_000)]
    // The kernel accepts no lower one.
    [InlineData("", "10/100000", 1_000, 100_000)]
    public void Processor_time(string pod, string containers, long quota, int period)
    {
        ResourceLimits together = PodResources.Together(Cpu(pod),
            [.. containers.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Cpu)]);
        Assert.Equal((quota, (ulong)period), (together.CpuQuota, together.CpuPeriod));
    }

    [Theory]
    // pod, containers, together
    [InlineData(null, "", null)]
    [InlineData(300, "512", 300ul)]
    [InlineData(null, "512 -", 1_536ul)]
    [InlineData(null, "2", 2ul)]
    [InlineData(1, "", 2ul)]
    [InlineData(null, "200000 200000", 262_144ul)]
    public void Shares(int? pod, string containers, ulong? together) => Assert.Equal(together,
        PodResources.Together(new ResourceLimits { CpuShares = (ulong?)pod },
            [.. Split(containers).Select(static shares => new ResourceLimits { CpuShares = (ulong?)shares })])
            .CpuShares);

    [Theory]
    // pod, container before, after, pod after
    [InlineData(500L, 100L, 150L, 550L)]
    [InlineData(500L, 150L, 100L, 450L)]
    [InlineData(500L, 600L, 1L, 1L)]
    [InlineData(long.MaxValue, 100L, 150L, long.MaxValue)]
    [InlineData(null, 100L, 150L, null)]
    [InlineData(500L, null, 150L, 500L)]
    [InlineData(500L, 100L, -1L, 500L)]
    public void The_pod_changes_with_its_container(long? pod, long? before, long? after, long? expected)
    {
        ResourceLimits Of(long? each) => new() { Memory = each, CpuQuota = each };
        ResourceLimits changed = PodResources.Follow(Of(pod), Of(before), Of(after));
        Assert.Equal((expected, expected), (changed.Memory, changed.CpuQuota));
    }

    [Theory]
    // in use, limit before, limit
    [InlineData(100L << 20, -1L, 104L << 20)]
    [InlineData(100L << 20, 500L << 20, 104L << 20)]
    [InlineData(100L << 20, 101L << 20, 101L << 20)]
    public void A_limit_that_is_in_use_is_lowered_and_never_raised(long inUse, long before, long expected) =>
        Assert.Equal(expected, PodResources.LowerTo(inUse, before));

    [Fact]
    public void CRI_Os_pods_cannot_choose_their_limits() => Assert.Equal(new ResourceLimits(),
        PodResources.Parse(new Dictionary<string, string>
        {
            ["io.kubernetes.cri.sandbox-cpu-shares"] = "262144",
            ["io.kubernetes.cri-o.SandboxID"] = "abc",
        }));

    [Fact]
    public void What_is_not_and_was_not_limited_is_not_written()
    {
        ResourceLimits none = PodResources.Together(new ResourceLimits(), []);
        Assert.Equal(new ResourceLimits(), PodResources.WithoutNeedless(none, none));
        ResourceLimits some = none with { Memory = 5, CpuQuota = 2_000 };
        Assert.Equal(none, PodResources.WithoutNeedless(none, some));
        Assert.Equal(some, PodResources.WithoutNeedless(some, none));
    }

    private static ResourceLimits Parse(params (string Name, string Value)[] annotations) =>
        PodResources.Parse(annotations.ToDictionary(static each => Prefix + each.Name, static each => each.Value));

    private static IEnumerable<long?> Split(string numbers) =>
        numbers.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(static each => each == "-" ? null : (long?)long.Parse(each));

    private static ResourceLimits Cpu(string text) => text.Split('/') is [var quota, var period]
        ? new ResourceLimits { CpuQuota = long.Parse(quota), CpuPeriod = ulong.Parse(period) } : new ResourceLimits();
}
