using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>What can be asked about a container, and waited for in it.</summary>
public sealed class ContainerQueryTests
{
    [Fact]
    public void Pids_are_the_sandboxs_answer() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Pids = [1, 8];
        Assert.Equal([1, 8], await container.PidsAsync());
        Assert.Equal(["wait web+", "pids web+"], pod.Control.Calls);
    });

    [Fact]
    public void Pids_are_never_none_while_the_sandbox_lives() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Pids = [];
        Assert.Equal([pod.Sandbox.Pid], await container.PidsAsync());
        await pod.EndAsync(container, 0);
        Assert.Equal([pod.Sandbox.Pid], await container.PidsAsync());
        pod.Shim.Runsc.EndSandbox(0);
        Assert.Empty(await container.PidsAsync());
    });

    [Fact]
    public void Pids_that_the_sandbox_does_not_give_are_its_own() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Fail("pids", RunscFailure.Failed);
        Assert.Equal([pod.Sandbox.Pid], await container.PidsAsync());
        pod.Control.Hold("pids");
        Task<IReadOnlyList<int>> late = container.PidsAsync();
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.False(late.IsCompleted);
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([pod.Sandbox.Pid], await late);
        Assert.Equal(2, pod.Shim.Warnings.Length);
    });

    [Theory]
    [InlineData(0UL, ulong.MaxValue)]
    [InlineData(4096UL, 4096UL)]
    public void Statistics_without_a_memory_limit_have_none(ulong limit, ulong expected) => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Stats = new RunscStats { CpuTotal = 5, MemoryLimit = limit };
        RunscStats stats = await container.StatsAsync();
        Assert.Equal(5UL, stats.CpuTotal);
        Assert.Equal(expected, stats.MemoryLimit);
    });

    [Fact]
    public void Statistics_that_fail() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Fail("stats", RunscFailure.TimedOut);
        Assert.Equal(RunscFailure.TimedOut, (await Assert.ThrowsAsync<RunscException>(container.StatsAsync)).Failure);
    });

    [Fact]
    public void Statistics_of_a_sandbox_that_does_not_answer_are_the_last_ones() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Stats = new RunscStats { CpuTotal = 5 };
        await container.StatsAsync();
        TaskCompletionSource held = pod.Control.Hold("stats");
        Task<RunscStats> late = container.StatsAsync();
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.False(late.IsCompleted);
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(5UL, (await late).CpuTotal);
        // It gets no further question, and nobody waits for it again.
        int calls = pod.Control.Calls.Count;
        Assert.Equal(5UL, (await container.StatsAsync()).CpuTotal);
        Assert.Equal(calls, pod.Control.Calls.Count);
        pod.Control.Stats = new RunscStats { CpuTotal = 6 };
        held.SetResult();
        await TestShim.SettleAsync();
        Assert.Equal(6UL, (await container.StatsAsync()).CpuTotal);
    });

    [Fact]
    public void Statistics_of_a_sandbox_that_never_answered_are_missing() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Hold("stats");
        for (int times = 0; times < 2; times++)
        {
            Task<RunscStats> late = container.StatsAsync();
            await pod.Shim.Time.UntilAwaitedAsync(TimeSpan.FromSeconds(2));
            pod.Shim.Time.Advance(TimeSpan.FromSeconds(2));
            RunscException e = await Assert.ThrowsAsync<RunscException>(() => late);
            Assert.Equal("no statistics: the sandbox did not answer within 2 s", e.Message);
        }
    });

    [Fact]
    public void Queries_do_not_wait_for_operations() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        TaskCompletionSource paused = pod.Control.Hold("pause");
        Task pausing = container.PauseAsync();
        Assert.Equal([1], await container.PidsAsync());
        await container.StatsAsync();
        paused.SetResult();
        await pausing;
    });

    [Fact]
    public void Limits_that_are_not_the_JSON_of_OCI_are_refused() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        RefusedException e =
            await Assert.ThrowsAsync<RefusedException>(() => container.UpdateAsync("[1"u8.ToArray()));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
    });

    [Fact]
    public void A_wait_runs_a_runsc_of_its_own() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Shim.Runsc.On("wait", static call =>
        {
            call.Print("""{"id":"web+","exitStatus":6}""");
            call.End(0);
        });
        DebugSettings debug = new("/tmp/debug/", 0);
        Assert.Equal(6, await container.WaitForAsync(WaitFor.Exit, 4, 0, debug, CancellationToken.None));
        Assert.Equal("wait --pid 4 web+", pod.Shim.Runsc.Commands[^1]);
        Assert.Equal("/tmp/debug/", pod.Shim.Runsc.Calls[^1].Global("--debug-log"));
    });

    [Fact]
    public void A_wait_that_is_abandoned_kills_its_runsc() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        using CancellationTokenSource abandon = new();
        Task<int> waiting = container.WaitForAsync(WaitFor.Exit, 0, 0, null, abandon.Token);
        int pid = (await pod.Shim.Runsc.UntilAsync("wait")).Pid;
        abandon.Cancel();
        await Assert.ThrowsAsync<RunscException>(() => waiting);
        Assert.Equal([$"{pid} {Signals.SIGKILL}"], pod.Shim.Runsc.Signals);
        Assert.True(container.IsAlive);
    });
}
