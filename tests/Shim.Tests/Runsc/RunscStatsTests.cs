using System.Text;
using System.Text.Json;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscStatsTests
{
    [Fact]
    public void A_line_that_runsc_printed()
    {
        RunscStats stats = Parse(
            """{"type":"stats","id":"web+","data":{"cpu":{"usage":{"total":432712298}}"""
            + ""","memory":{"usage":{"limit":0,"usage":2600960,"failcnt":0},"swap":{"limit":0,"failcnt":0}"""
            + ""","kernel":{"limit":0,"failcnt":0},"kernelTCP":{"limit":0,"failcnt":0}},"pids":{"current":2}"""
            + ""","network_interfaces":[{"Name":"lo","RxBytes":0,"RxPackets":0,"RxErrors":0,"RxDropped":0"""
            + ""","TxBytes":0,"TxPackets":0,"TxErrors":0,"TxDropped":0}]}}""");
        Assert.Equal(432712298u, stats.CpuTotal);
        Assert.Equal((0u, 0u), (stats.CpuKernel, stats.CpuUser));
        Assert.Empty(stats.CpuPerProcessor);
        Assert.Equal(2600960u, stats.MemoryUsage);
        Assert.Equal((0u, 0u, 0u, 0u),
            (stats.MemoryCache, stats.MemoryLimit, stats.MemoryMax, stats.MemoryFailures));
        Assert.Equal((2u, 0u), (stats.PidsCurrent, stats.PidsLimit));
        Assert.Equal([new RunscNetworkInterface("lo", 0, 0, 0, 0, 0, 0, 0, 0)], stats.Interfaces);
    }

    [Fact]
    public void Lists_that_are_too_long_are_cut()
    {
        string interfaces = string.Join(',', Enumerable.Repeat("{}", 100_000));
        string processors = string.Join(',', Enumerable.Repeat("1", 2000));
        string first = $"{{\"Name\":\"{new string('x', 999)}\"}}";
        RunscStats stats = Parse($$$"""
            {"data":{"cpu":{"usage":{"percpu":[{{{processors}}}]}},"network_interfaces":[{{{first}}},{{{interfaces}}}]}}
            """);
        Assert.Equal(64, stats.Interfaces.Count);
        Assert.Equal(new string('x', 15), stats.Interfaces[0].Name);
        Assert.Equal(1024, stats.CpuPerProcessor.Count);
    }

    /// <summary>The total comes from the sandbox's cgroup, each container's share from the sandbox's figures.</summary>
    [Theory]
    [InlineData("""{"a":100,"b":300}""", "a", 4000L, 1000u)]
    [InlineData("""{"a":100,"b":300}""", "b", 4000L, 3000u)]
    [InlineData("""{"a":0,"b":0}""", "a", 4000L, 2000u)]
    [InlineData("""{"a":0,"b":300}""", "a", 4000L, 0u)]
    [InlineData("""{"b":300}""", "a", 4000L, 0u)] // it no longer runs
    [InlineData("""{"a":100,"b":300}""", "a", null, 100u)]
    [InlineData("""{"a":100,"b":300}""", "a", 0L, 100u)]
    [InlineData("""{}""", "a", 4000L, 7u)]
    [InlineData("""null""", "a", 4000L, 7u)]
    [InlineData("""{"a":18446744073709551615,"b":18446744073709551615}""", "a", long.MaxValue, 4611686018427387903u)]
    [InlineData("""{"a":-1,"b":"x"}""", "a", 4000L, 2000u)]
    public void Cpu_time_is_divided_among_the_containers(string usage, string id, long? sandbox, ulong expected)
    {
        using JsonDocument answer = JsonDocument.Parse(
            """{"event":{"data":{"cpu":{"usage":{"total":7}},"pids":{"current":2}}},"containerUsage":""" + usage + "}");
        RunscStats stats = RunscStats.OfEvent(answer.RootElement, id, (ulong?)sandbox);
        Assert.Equal((expected, 2u), (stats.CpuTotal, stats.PidsCurrent));
    }

    [Fact]
    public void Every_field()
    {
        RunscStats stats = Parse(
            """
            {"type":"stats","id":"web+","data":{
              "cpu":{"usage":{"total":18446744073709551615,"kernel":2,"user":3,"percpu":[4,5]}},
              "memory":{"cache":6,"usage":{"limit":7,"usage":8,"max":9,"failcnt":10}},
              "pids":{"current":11,"limit":12},
              "network_interfaces":[
                {"Name":"eth0","RxBytes":1,"RxPackets":2,"RxErrors":3,"RxDropped":4,
                 "TxBytes":5,"TxPackets":6,"TxErrors":7,"TxDropped":8},
                {"Name":"eth1"}]}}
            """);
        Assert.Equal((ulong.MaxValue, 2ul, 3ul), (stats.CpuTotal, stats.CpuKernel, stats.CpuUser));
        Assert.Equal([4, 5], stats.CpuPerProcessor);
        Assert.Equal(6u, stats.MemoryCache);
        Assert.Equal((7ul, 8ul, 9ul, 10ul),
            (stats.MemoryLimit, stats.MemoryUsage, stats.MemoryMax, stats.MemoryFailures));
        Assert.Equal((11ul, 12ul), (stats.PidsCurrent, stats.PidsLimit));
        Assert.Equal(
            [new("eth0", 1, 2, 3, 4, 5, 6, 7, 8), new("eth1", 0, 0, 0, 0, 0, 0, 0, 0)], stats.Interfaces);
    }

    [Theory]
    [InlineData("""{"type":"stats","id":"web+","data":{"cpu":{"usage":{}},"memory":{"usage":{}}"""
        + ""","pids":{},"network_interfaces":null}}""")]
    [InlineData("""{"type":"stats","id":"web+","data":{"cpu":{},"memory":{},"network_interfaces":[]}}""")]
    [InlineData("""{"data":{"cpu":null,"memory":[],"pids":"2"}}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    public void Missing_values_are_zero(string line) =>
        Assert.Equivalent(new RunscStats(), Parse(line), strict: true);

    [Theory]
    [InlineData("")]
    [InlineData("{\"data\":")]
    [InlineData("not JSON")]
    public void Parse_fails_if_the_line_is_not_JSON(string line) =>
        Assert.ThrowsAny<JsonException>(() => Parse(line));

    private static RunscStats Parse(string line) => RunscStats.Parse(Encoding.UTF8.GetBytes(line));
}
