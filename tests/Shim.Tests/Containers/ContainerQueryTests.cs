using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>What can be asked about a container, and waited for in it.</summary>
public sealed class ContainerQueryTests
{
    [Fact]
    public void Processes_are_those_of_the_node_while_the_sandbox_lives() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        container.AddExec("e", "{}"u8.ToArray(), new("", "", "", Terminal: false));
        container.AddExec("created", "{}"u8.ToArray(), new("", "", "", Terminal: false));
        Assert.Equal([(pod.Sandbox.Pid, "")], container.Processes());
        int exec = await pod.StartExecAsync(container, "e");
        Assert.Equal([(pod.Sandbox.Pid, ""), (exec, "e")], container.Processes());
        pod.Shim.Runsc.End(exec, 0);
        await container.Process("e").Ended;
        Assert.Equal([(pod.Sandbox.Pid, "")], container.Processes());
        await pod.EndAsync(container, 0);
        Assert.Equal([(pod.Sandbox.Pid, "")], container.Processes());
        pod.Shim.Runsc.EndSandbox(0);
        Assert.Empty(container.Processes());
    });

    [Fact]
    public void Without_a_memory_limit_that_is_the_nodes_memory() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        foreach ((ulong limit, ulong expected) in ((ulong, ulong)[])
            [(0, NodeMemory.Total), (4096, 4096), (ulong.MaxValue, NodeMemory.Total)])
        {
            pod.Control.Stats = new RunscStats { CpuTotal = 5, MemoryLimit = limit };
            ContainerUsage usage = await container.UsageAsync();
            Assert.Equal(5UL, usage.Inside.CpuTotal);
            Assert.Equal(expected, usage.MemoryLimit);
        }
    });

    [Fact]
    public void Statistics_of_an_ended_container_are_the_last_ones() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web"), never = await pod.StartAsync("never");
        pod.Control.Stats = new RunscStats { CpuTotal = 5 };
        await container.UsageAsync();
        await pod.EndAsync(container, 137);
        await pod.EndAsync(never, 137);
        pod.Control.Fail("stats", RunscFailure.NotFound);
        Assert.Equal(5UL, (await container.UsageAsync()).Inside.CpuTotal);
        Assert.Equal(0UL, (await never.UsageAsync()).Inside.CpuTotal);
    });

    [Fact]
    public void Statistics_that_fail() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Fail("stats", RunscFailure.TimedOut);
        Assert.Equal(RunscFailure.TimedOut, (await Assert.ThrowsAsync<RunscException>(container.UsageAsync)).Failure);
    });

    [Fact]
    public void Statistics_of_a_sandbox_that_does_not_answer_are_the_last_ones() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Stats = new RunscStats { CpuTotal = 5 };
        await container.UsageAsync();
        TaskCompletionSource held = pod.Control.Hold("stats");
        Task<ContainerUsage> late = container.UsageAsync();
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.False(late.IsCompleted);
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(5UL, (await late).Inside.CpuTotal);
        // It gets no further question, and nobody waits for it again.
        int calls = pod.Control.Calls.Count;
        Assert.Equal(5UL, (await container.UsageAsync()).Inside.CpuTotal);
        Assert.Equal(calls, pod.Control.Calls.Count);
        pod.Control.Stats = new RunscStats { CpuTotal = 6 };
        held.SetResult();
        await TestShim.SettleAsync();
        Assert.Equal(6UL, (await container.UsageAsync()).Inside.CpuTotal);
    });

    [Fact]
    public void Statistics_of_a_sandbox_that_never_answered_are_missing() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Hold("stats");
        for (int times = 0; times < 2; times++)
        {
            Task<ContainerUsage> late = container.UsageAsync();
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
        await container.UsageAsync();
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
