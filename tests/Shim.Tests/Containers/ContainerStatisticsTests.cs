using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Tests.Sandboxes;

namespace Shim.Tests.Containers;

/// <summary>Statistics of a sandbox that has never answered.</summary>
public sealed class ContainerStatisticsTests
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(2);

    [Fact]
    public void After_two_seconds_they_are_those_of_its_cgroup_on_the_node() => SandboxTest.Run(async test =>
    {
        test.Control.Hold("stats");
        Cgroup own = Cgroup.OfProcess(test.Shim.Context.Cgroups, Environment.ProcessId);
        var statistics = new ContainerStatistics(test.Sandbox, "one+", () => own, test.Shim.Time);
        Task<RunscStats> reading = statistics.ReadAsync();
        await test.Shim.Time.UntilAwaitedAsync(s_bound);
        Assert.False(reading.IsCompleted);
        test.Shim.Time.Advance(s_bound);
        Assert.NotEqual(0UL, (await reading).CpuTotal);
        // The next ones do not wait, and ask nothing: the sandbox owes the first answer.
        Assert.NotEqual(0UL, (await statistics.ReadAsync()).CpuTotal);
        Assert.Equal(["stats one+"], test.Control.Calls);
    });
}
