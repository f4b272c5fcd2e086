using System.Text;
using Linux;
using Shim.Oci;

namespace Shim.Tests.Oci;

public sealed class ResourcesJsonTests
{
    [Fact]
    public void All_limits_are_parsed()
    {
        ResourceLimits limits = Parse(
            """
            {"cpu":{"shares":512,"quota":-1,"period":100000,"cpus":"0-3","mems":"0","realtimeRuntime":1},
             "memory":{"limit":9223372036854775807,"swap":-1,"kernel":5},
             "pids":{"limit":100},"unified":{"memory.high":"max","cpu.weight":"50"},"devices":[{"allow":false}]}
            """);
        Assert.Equal(512ul, limits.CpuShares);
        Assert.Equal(-1, limits.CpuQuota);
        Assert.Equal(100000ul, limits.CpuPeriod);
        Assert.Equal(("0-3", "0"), (limits.CpusetCpus, limits.CpusetMems));
        Assert.Equal((long.MaxValue, -1, 100), (limits.Memory!.Value, limits.MemorySwap!.Value, limits.Pids!.Value));
        Assert.Equivalent(
            new Dictionary<string, string> { ["memory.high"] = "max", ["cpu.weight"] = "50" },
            limits.Unified, strict: true);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"cpu":{},"memory":{},"pids":{},"unified":{}}""")]
    [InlineData("""{"cpu":null,"memory":null,"pids":null,"unified":null}""")]
    [InlineData("""{"cpu":{"shares":null,"cpus":null},"memory":{"limit":null}}""")]
    public void A_missing_or_null_limit_is_not_set(string json)
    {
        ResourceLimits limits = Parse(json);
        Assert.Equal(new ResourceLimits { Unified = limits.Unified }, limits);
        Assert.Empty(limits.Unified);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"cpu\":")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("""{"cpu":[]}""")]
    [InlineData("""{"cpu":{"shares":-1}}""")]
    [InlineData("""{"cpu":{"shares":"512"}}""")]
    [InlineData("""{"cpu":{"cpus":3}}""")]
    [InlineData("""{"memory":{"limit":"1G"}}""")]
    [InlineData("""{"memory":{"limit":1.5}}""")]
    [InlineData("""{"memory":{"limit":9223372036854775808}}""")]
    [InlineData("""{"pids":5}""")]
    [InlineData("""{"unified":{"memory.high":1}}""")]
    [InlineData("""{"unified":["memory.high"]}""")]
    public void JSON_of_another_shape_is_rejected(string json)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => Parse(json));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.StartsWith("resources are not valid OCI LinuxResources: ", e.Message, StringComparison.Ordinal);
    }

    private static ResourceLimits Parse(string json) => ResourcesJson.Parse(Encoding.UTF8.GetBytes(json));
}
