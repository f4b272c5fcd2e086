using Containerd.Api.Events;
using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>How an exit travels from the sandbox's process, or from the control client, to the event.</summary>
public sealed class ContainerEndTests
{
    private static readonly TimeSpan s_lateAnswer = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData(3 << 8, 3)]
    [InlineData(9, 137)]
    public void The_first_container_ends_as_the_sandboxs_process_does(int waitStatus, int status) =>
        TestPod.Run(async pod =>
        {
            Container container = await pod.StartAsync("pod");
            pod.Shim.Runsc.EndSandbox(waitStatus);
            ProcessEnd end = await container.Init.Ended;
            Assert.Equal(new ProcessEnd(status, DateTimeOffset.UnixEpoch), end);
            TaskExit exit = Assert.Single(pod.Shim.Events.Of<TaskExit>());
            Assert.Equal((uint)status, exit.ExitStatus);
            Assert.Equal(end.At, exit.ExitedAt.ToDateTimeOffset());
            Assert.Equal((uint)pod.Sandbox.Pid, exit.Pid);
            // It is the sandbox's process that is watched; the sandbox is not asked.
            Assert.Empty(pod.Control.Calls);
        });

    [Fact]
    public void Another_container_ends_as_the_sandbox_says() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        Assert.Equal(["wait web+"], pod.Control.Calls);
        pod.Control.End("web+", 5);
        Assert.Equal(new ProcessEnd(5, pod.Shim.Time.GetUtcNow()), await container.Init.Ended);
        Assert.Equal(["start web", "exit web 5"], pod.Shim.Events.Lines);
        Assert.Equal(pod.Shim.Time.GetUtcNow(), pod.Shim.Events.Of<TaskExit>()[0].ExitedAt.ToDateTimeOffset());
    });

    [Fact]
    public void The_sandbox_is_not_asked_before_the_start() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("web");
        await TestShim.SettleAsync();
        Assert.Empty(pod.Control.Calls);
        await container.StartAsync();
        Assert.Equal(["wait web+"], pod.Control.Calls);
    });

    [Fact]
    public void An_exit_event_follows_the_start_event() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("pod");
        TaskCompletionSource start = pod.Shim.Runsc.Hold("start");
        Task<int> starting = container.StartAsync();
        await pod.Shim.Runsc.UntilAsync("start");
        pod.Shim.Runsc.EndSandbox(0);
        await TestShim.SettleAsync();
        Assert.Empty(pod.Shim.Events.Lines);
        start.SetResult();
        await starting;
        await container.Init.Ended;
        Assert.Equal(["start pod", "exit pod 0"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void A_paused_container_can_end() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        await container.PauseAsync();
        pod.Shim.Runsc.EndSandbox(9);
        await container.Init.Ended;
        Assert.Equal(["start pod", "paused pod", "exit pod 137"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void A_wait_that_fails_is_repeated_less_and_less_often() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("web");
        double[] pauses = [0.5, 1, 2, 4, 8, 16, 32, 32, 32];
        int waits = 1;
        foreach (double pause in pauses)
        {
            pod.Control.FailWait("web+", RunscFailure.Failed);
            await pod.Shim.Time.UntilAwaitedAsync(TimeSpan.FromSeconds(pause));
            Assert.Equal(waits, Count(pod, "wait web+"));
            pod.Shim.Time.Advance(TimeSpan.FromSeconds(pause));
            await TestShim.SettleAsync();
            Assert.Equal(++waits, Count(pod, "wait web+"));
        }
        // From the second failure on the sandbox is asked whether the container has ended.
        Assert.Equal(pauses.Length - 1, Count(pod, "state web+"));
        Assert.Equal(pauses.Length, pod.Shim.Warnings.Length);
        pod.Control.End("web+", 7);
        await TestShim.SettleAsync();
        Assert.Equal(["start web", "exit web 7"], pod.Shim.Events.Lines);
    });

    [Theory]
    [InlineData(SandboxContainerState.Stopped, null, true)]
    [InlineData(SandboxContainerState.Running, RunscFailure.NotFound, true)]
    [InlineData(SandboxContainerState.Running, RunscFailure.TimedOut, false)]
    [InlineData(SandboxContainerState.Created, null, false)]
    internal void A_container_that_the_sandbox_says_has_ended_is_not_waited_for(
        SandboxContainerState state, RunscFailure? failure, bool ends) => TestPod.Run(async pod =>
        {
            Container container = await pod.StartAsync("web");
            pod.Control.State = state;
            if (failure is { } fails)
                pod.Control.Fail("state", fails);
            pod.Control.FailWait("web+", RunscFailure.NotFound);
            await pod.Shim.Time.UntilArmedAsync();
            Assert.True(container.IsAlive);
            pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(500));
            pod.Control.FailWait("web+", RunscFailure.NotFound);
            await TestShim.SettleAsync();
            Assert.Equal(ends ? ["start web", "exit web 137"] : ["start web"], pod.Shim.Events.Lines);
            Assert.Equal(2, pod.Shim.Warnings.Length);
        });

    [Fact]
    public void The_answer_may_come_after_the_end_of_the_sandbox() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        await pod.StartAsync("web");
        pod.Shim.Runsc.EndSandbox(0);
        pod.Shim.Time.Advance(s_lateAnswer - TimeSpan.FromMilliseconds(1));
        await TestShim.SettleAsync();
        pod.Control.End("web+", 7);
        await TestShim.SettleAsync();
        Assert.Equal(["start pod", "start web", "exit pod 0", "exit web 7"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void Without_an_answer_the_container_was_killed_with_its_sandbox() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        await pod.StartAsync("web");
        pod.Shim.Runsc.EndSandbox(0);
        pod.Shim.Time.Advance(s_lateAnswer);
        await TestShim.SettleAsync();
        Assert.Equal(["start pod", "start web", "exit pod 0", "exit web 137"], pod.Shim.Events.Lines);
        Assert.Single(pod.Shim.Warnings);
        Assert.Equal(1, Count(pod, "wait web+"));
    });

    [Fact]
    public void A_sandbox_that_ends_between_two_waits_ends_its_containers() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("web");
        pod.Control.FailWait("web+", RunscFailure.Failed);
        await pod.Shim.Time.UntilArmedAsync();
        pod.Shim.Runsc.EndSandbox(9);
        await TestShim.SettleAsync();
        pod.Control.FailWait("web+", RunscFailure.NotFound);
        await TestShim.SettleAsync();
        Assert.Equal(["start web", "exit web 137"], pod.Shim.Events.Lines);
        Assert.Equal(2, pod.Shim.Warnings.Length);
    });

    [Fact]
    public void A_container_that_never_started_ends_with_its_sandbox() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        Container container = await pod.AddAsync("web");
        pod.Shim.Runsc.EndSandbox(9);
        await container.Init.Ended;
        Assert.Equal(["start pod", "exit pod 137", "exit web 137"], pod.Shim.Events.Lines);
        Assert.Empty(pod.Control.Calls);
    });

    [Fact]
    public void A_sandbox_whose_exit_status_is_lost_was_killed()
    {
        TaskCompletionSource<ProcessExit> died = new();
        TestPod.Run(async pod =>
        {
            await pod.StartAsync("pod");
            died.SetException(new LinuxException(Errno.ECHILD, "waitpid"));
            await TestShim.SettleAsync();
            Assert.Equal(["start pod", "exit pod 137"], pod.Shim.Events.Lines);
            Assert.Single(pod.Shim.Warnings);
        }, died.Task);
    }

    [Fact]
    public void An_exit_is_reported_once() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("web");
        await container.KillAsync("", Signals.SIGKILL, all: false);
        pod.Shim.Runsc.EndSandbox(0);
        await TestShim.SettleAsync();
        Assert.Equal(["exit web 137"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void Processes_that_share_the_sandboxs_namespace_are_killed_before_the_exit() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web", sharesProcesses: true);
        TaskCompletionSource killed = pod.Control.Hold("signal");
        pod.Control.End("web+", 5);
        await TestShim.SettleAsync();
        Assert.Equal(["wait web+", "signal web+ 9 0 all"], pod.Control.Calls);
        Assert.True(container.IsAlive);
        killed.SetResult();
        Assert.Equal(5, (await container.Init.Ended).Status);
    });

    [Fact]
    public void A_process_that_was_being_forked_is_killed_soon_after() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web", sharesProcesses: true);
        pod.Control.End("web+", 5);
        await container.Init.Ended;
        foreach (int milliseconds in (int[])[20, 40, 80, 160, 320, 640])
        {
            TimeSpan pause = TimeSpan.FromMilliseconds(milliseconds);
            int calls = pod.Control.Calls.Count;
            await pod.Shim.Time.UntilAwaitedAsync(pause);
            pod.Shim.Time.Advance(pause);
            await TestShim.SettleAsync();
            Assert.Equal(calls + 1, pod.Control.Calls.Count);
            Assert.Equal("signal web+ 9 0 all", pod.Control.Calls[^1]);
        }
        Assert.Equal(0, pod.Shim.Time.Armed);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_killed_after_that(bool deleted) => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        Container container = await pod.StartAsync("web", sharesProcesses: true);
        pod.Control.End("web+", 5);
        await container.Init.Ended;
        if (deleted)
            await container.DeleteAsync();
        else
            pod.Control.Fail("signal", RunscFailure.NotFound);
        int calls = pod.Control.Calls.Count;
        pod.Shim.Time.Advance(TimeSpan.FromMilliseconds(20));
        await TestShim.SettleAsync();
        Assert.Equal(deleted ? calls : calls + 1, pod.Control.Calls.Count);
        Assert.Equal(0, pod.Shim.Time.Armed);
    });

    [Fact]
    public void Processes_in_a_namespace_of_their_own_end_by_themselves() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.End("web+", 5);
        await container.Init.Ended;
        Assert.Equal(["wait web+"], pod.Control.Calls);
    });

    [Theory]
    [InlineData(RunscFailure.NotFound, 0)]
    [InlineData(RunscFailure.TimedOut, 1)]
    internal void Processes_that_cannot_be_killed_do_not_hold_up_the_exit(RunscFailure failure, int warnings) =>
        TestPod.Run(async pod =>
        {
            Container container = await pod.StartAsync("web", sharesProcesses: true);
            pod.Control.Fail("signal", failure);
            pod.Control.End("web+", 5);
            Assert.Equal(5, (await container.Init.Ended).Status);
            Assert.Equal(warnings, pod.Shim.Warnings.Length);
        });

    [Fact]
    public void Nothing_is_killed_in_a_dead_sandbox() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web", sharesProcesses: true);
        pod.Shim.Runsc.EndSandbox(9);
        pod.Control.End("web+", 5);
        Assert.Equal(5, (await container.Init.Ended).Status);
        Assert.Equal(["wait web+"], pod.Control.Calls);
    });

    private static int Count(TestPod pod, string call) => pod.Control.Calls.Count(each => each == call);
}
