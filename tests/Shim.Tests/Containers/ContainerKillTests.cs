using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>Signals: what reaches the sandbox, and what happens if they do not.</summary>
public sealed class ContainerKillTests
{
    private const int SIGKILL = 9, SIGUSR1 = 10, SIGTERM = 15;
    private static readonly TimeSpan s_sandboxBound = TimeSpan.FromSeconds(10), s_bound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_exitBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(1);

    [Theory]
    [InlineData(SIGKILL, false, "signal web+ 9 0")]
    [InlineData(SIGKILL, true, "signal web+ 9 0 all")]
    [InlineData(SIGTERM, true, "signal web+ 15 0 all")]
    [InlineData(SIGUSR1, false, "signal web+ 10 0")]
    public void A_signal_to_a_running_container(int signal, bool all, string call) => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        await container.KillAsync("", signal, all);
        Assert.Equal(["wait web+", call], pod.Control.Calls);
        Assert.Equal(ProcessState.Running, container.Init.State);
    });

    [Theory]
    [InlineData(SIGKILL, 137)]
    [InlineData(SIGTERM, 143)]
    public void A_container_that_was_not_started_is_removed_from_runsc(int signal, int status) =>
        TestPod.Run(async pod =>
        {
            Container container = await pod.AddAsync("web");
            await container.KillAsync("", signal, all: false);
            Assert.Equal(["delete --force web+"], pod.Shim.Runsc.Commands);
            Assert.Empty(pod.Control.Calls);
            Assert.Equal([$"exit web {status}"], pod.Shim.Events.Lines);
            Assert.Equal(status, (await container.DeleteAsync()).Status);
            Assert.Single(pod.Shim.Runsc.Commands);
        });

    [Fact]
    public void A_container_that_cannot_be_removed_before_its_start_lives_on() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("web");
        pod.Shim.Runsc.Fail("delete", "device is busy");
        await Assert.ThrowsAsync<RunscException>(() => container.KillAsync("", SIGKILL, all: false));
        Assert.Equal(ProcessState.Created, container.Init.State);
        Assert.Empty(pod.Shim.Events.Lines);
    });

    [Fact]
    public void SIGKILL_resumes_a_paused_sandbox() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        await first.PauseAsync();
        await web.PauseAsync();
        pod.Control.OnCall = call =>
        {
            if (call.StartsWith("signal web+", StringComparison.Ordinal))
                pod.Control.End("web+", 137);
            return Task.CompletedTask;
        };
        await web.KillAsync("", SIGKILL, all: false);
        Assert.Equal(["wait web+", "pause pod+", "resume pod+", "signal web+ 9 0", "pause pod+"], pod.Control.Calls);
        await first.KillAsync("", SIGKILL, all: true);
        Assert.Equal(["resume pod+", "signal pod+ 9 0 all"], pod.Control.Calls.TakeLast(2));
    });

    [Fact]
    public void SIGKILL_in_a_sandbox_that_is_paused_through_another_container() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        await first.PauseAsync();
        Task killing = web.KillAsync("", SIGKILL, all: false);
        await pod.Shim.Time.UntilAwaitedAsync(s_exitBound);
        Assert.Equal(["wait web+", "pause pod+", "resume pod+", "signal web+ 9 0"], pod.Control.Calls);
        pod.Control.End("web+", 137);
        await killing;
        Assert.Equal("pause pod+", pod.Control.Calls[^1]);
        Assert.Equal(137, (await web.Init.Ended).Status);
        Assert.Equal(ProcessState.Paused, first.Init.State);
        await first.ResumeAsync();
        Assert.Equal("resume pod+", pod.Control.Calls[^1]);
    });

    [Fact]
    public void A_container_that_outlives_its_SIGKILL_is_paused_again_with_the_others() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        await first.PauseAsync();
        Task killing = web.KillAsync("", SIGKILL, all: false);
        await pod.Shim.Time.UntilAwaitedAsync(s_exitBound);
        pod.Shim.Time.Advance(s_exitBound);
        await killing;
        Assert.Equal("pause pod+", pod.Control.Calls[^1]);
        Assert.True(web.IsAlive);
    });

    [Fact]
    public void SIGKILL_of_a_sandbox_that_is_paused_through_another_container() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        await web.PauseAsync();
        Task killing = first.KillAsync("", SIGKILL, all: true);
        Assert.Equal(["resume web+", "signal pod+ 9 0 all"], pod.Control.Calls.TakeLast(2));
        pod.Shim.Runsc.EndSandbox(9);
        await killing;
        Assert.Equal("signal pod+ 9 0 all", pod.Control.Calls[^1]);
    });

    [Fact]
    public void A_signal_during_a_pause_that_fails_is_delivered() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        TaskCompletionSource pause = pod.Control.Hold("pause");
        Task pausing = container.PauseAsync();
        await web.KillAsync("", SIGTERM, all: true);
        Assert.DoesNotContain("signal web+ 15 0 all", pod.Control.Calls);
        pause.SetException(new RunscException(RunscFailure.TimedOut, "no answer"));
        await Assert.ThrowsAsync<RunscException>(() => pausing);
        Assert.Equal("signal web+ 15 0 all", pod.Control.Calls[^1]);
    });

    [Theory]
    [InlineData(SIGKILL)]
    [InlineData(SIGTERM)]
    [InlineData(SIGUSR1)]
    internal void A_signal_that_comes_too_late(int signal) => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        pod.Control.Fail("signal", RunscFailure.NotFound);
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(
            () => container.KillAsync("", signal, all: false));
        Assert.Equal(Refusal.NotFound, e.Refusal);
        Assert.EndsWith("process already finished", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_signal_to_a_paused_container_is_delivered_when_it_is_resumed() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod"), other = await pod.StartAsync("web");
        await container.PauseAsync();
        await other.PauseAsync();
        await container.KillAsync("", SIGTERM, all: false);
        await other.KillAsync("", SIGUSR1, all: true);
        await container.ResumeAsync();
        Assert.Equal(["wait web+", "pause pod+"], pod.Control.Calls);
        await other.ResumeAsync();
        Assert.Equal(["resume pod+", "signal pod+ 15 0", "signal web+ 10 0 all"], pod.Control.Calls.TakeLast(3));
    });

    [Fact]
    public void A_signal_that_cannot_be_delivered_at_the_resume_is_logged() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        await container.PauseAsync();
        await container.KillAsync("", SIGTERM, all: false);
        pod.Control.Fail("signal", RunscFailure.Failed);
        await container.ResumeAsync();
        Assert.Equal(ProcessState.Running, container.Init.State);
        Assert.Contains("cannot deliver a signal", Assert.Single(pod.Shim.Warnings), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void SIGKILL_of_a_sandbox_does_not_wait_for_its_start(bool starts) => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("pod");
        TaskCompletionSource start = pod.Shim.Runsc.Hold("start");
        Task<int> starting = container.StartAsync();
        RunscCall call = await pod.Shim.Runsc.UntilAsync("start");
        await container.KillAsync("", SIGKILL, all: true);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        if (!starts)
            call.Fail("the sandbox is gone");
        start.SetResult();
        Assert.Equal(starts, await Record.ExceptionAsync(() => starting) is null);
        Assert.Equal(starts ? 137 : 128, (await container.Init.Ended).Status);
        Assert.Equal(starts ? 0 : 1, pod.Shim.Warnings.Length);
    });

    [Fact]
    public void SIGKILL_of_a_sandbox_does_not_wait_for_a_pause() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        TaskCompletionSource pause = pod.Control.Hold("pause");
        Task pausing = container.PauseAsync();
        await container.KillAsync("", SIGKILL, all: true);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        pause.SetResult();
        await pausing;
        Assert.Equal(137, (await container.Init.Ended).Status);
    });

    [Theory]
    [InlineData("web", SIGKILL, RunscFailure.TimedOut)]
    [InlineData("pod", SIGTERM, RunscFailure.TimedOut)]
    [InlineData("pod", SIGKILL, RunscFailure.Failed)]
    [InlineData("pod", SIGKILL, RunscFailure.WrongState)]
    internal void A_signal_that_fails(string id, int signal, RunscFailure failure) => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync(id);
        pod.Control.Fail("signal", failure);
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => container.KillAsync("", signal, all: false));
        Assert.Equal(failure, e.Failure);
        Assert.Empty(pod.Shim.Runsc.Signals);
    });

    [Theory]
    [InlineData(RunscFailure.TimedOut)]
    [InlineData(RunscFailure.NotFound)]
    internal void A_sandbox_that_refuses_its_SIGKILL_is_killed_after_two_seconds(RunscFailure failure) =>
        TestPod.Run(async pod =>
        {
            Container container = await pod.StartAsync("pod");
            pod.Control.Fail("signal", failure);
            Task killing = container.KillAsync("", SIGKILL, all: true);
            pod.Shim.Time.Advance(TimeSpan.FromSeconds(2) - s_tick);
            await TestShim.SettleAsync();
            Assert.Empty(pod.Shim.Runsc.Signals);
            pod.Shim.Time.Advance(s_tick);
            await killing;
            Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
            await container.Init.Ended;
            Assert.Equal(["start pod", "exit pod 137"], pod.Shim.Events.Lines);
            Assert.Single(pod.Shim.Warnings);
        });

    [Theory]
    [InlineData("pod", 10)]
    [InlineData("web", 120)]
    public void A_container_that_outlives_its_SIGKILL_takes_the_sandbox_with_it(string id, int seconds) =>
        TestPod.Run(async pod =>
        {
            await pod.StartAsync(id == "pod" ? "web" : "pod");
            Container container = await pod.StartAsync(id);
            await container.KillAsync("", SIGKILL, all: false);
            int timers = pod.Shim.Time.Armed;
            // The bound begins with the first signal.
            pod.Shim.Time.Advance(TimeSpan.FromSeconds(seconds) - s_tick);
            await container.KillAsync("", SIGKILL, all: false);
            Assert.Empty(pod.Shim.Runsc.Signals);
            Assert.Equal(timers, pod.Shim.Time.Armed);
            pod.Shim.Time.Advance(s_tick);
            await TestShim.SettleAsync();
            Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
            Assert.NotEmpty(pod.Shim.Warnings);
        });

    [Fact]
    public void A_container_that_ends_in_time_leaves_the_sandbox_alone() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        await container.KillAsync("", SIGKILL, all: false);
        pod.Control.End("web+", 137);
        pod.Shim.Time.Advance(s_bound * 2);
        await TestShim.SettleAsync();
        Assert.Empty(pod.Shim.Runsc.Signals);
    });

    [Fact]
    public void After_SIGTERM_nobody_kills_the_sandbox() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        await container.KillAsync("", SIGTERM, all: false);
        pod.Shim.Time.Advance(s_bound * 2);
        await TestShim.SettleAsync();
        Assert.Empty(pod.Shim.Runsc.Signals);
    });

    [Fact]
    public void During_a_checkpoint_SIGKILL_ends_the_sandbox_at_once() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        Task saving = pod.Sandbox.SaveAsync(container, SandboxEnd.ByShim, static () => new TaskCompletionSource().Task);
        await container.KillAsync("", SIGKILL, all: false);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        Assert.Equal(["pause pod+"], pod.Control.Calls);
        Assert.False(saving.IsCompleted);
        await container.Init.Ended;
    });

    [Fact]
    public void During_a_checkpoint_other_signals_go_to_the_sandbox() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod"), web = await pod.StartAsync("web");
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = pod.Sandbox.SaveAsync(first, SandboxEnd.None, () => written.Task);
        await first.KillAsync("", SIGTERM, all: false);
        await web.KillAsync("", SIGKILL, all: false);
        Assert.Equal(["wait web+", "signal pod+ 15 0", "signal web+ 9 0"], pod.Control.Calls);
        Assert.Empty(pod.Shim.Runsc.Signals);
        written.SetResult();
        await saving;
        pod.Shim.Runsc.EndSandbox(9);
        pod.Shim.Time.Advance(s_sandboxBound);
        await TestShim.SettleAsync();
        Assert.Single(pod.Shim.Warnings); // web's exit status is not known
    });
}
