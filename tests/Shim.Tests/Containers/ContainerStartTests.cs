using Linux;
using Shim.Containers;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

public sealed class ContainerStartTests
{
    [Fact]
    public void A_started_container_runs() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("pod");
        Assert.Equal(pod.Sandbox.Pid, await container.StartAsync());
        Assert.Equal(["start pod+"], pod.Shim.Runsc.Commands);
        Assert.Equal(["start pod"], pod.Shim.Events.Lines);
        Assert.True(container.IsAlive);
    });

    [Theory]
    [InlineData("pod", false)]
    [InlineData("web", true)]
    public void Start_hands_its_streams_to_runsc_unless_create_did(string id, bool handsOver) =>
        TestPod.Run(async pod =>
        {
            string output = pod.Shim.Directory["output"];
            Container container = await pod.AddAsync(id, stdout: $"file://{output}");
            TaskCompletionSource start = pod.Shim.Runsc.Hold("start");
            Task starting = container.StartAsync();
            RunscCall call = await pod.Shim.Runsc.UntilAsync("start");
            Assert.Equal(handsOver ? 3 : 0, call.Request.Descriptors.Count);
            Assert.True(TestShim.IsOpen(output));
            start.SetResult();
            await starting;
            // The first container's were handed over when it was created.
            Assert.Equal(!handsOver, TestShim.IsOpen(output));
            await container.Init.Stdio.DisposeAsync();
        });

    [Theory]
    [InlineData("pod")]
    [InlineData("web")]
    public void A_start_that_fails_leaves_a_container_that_can_only_be_deleted(string id) => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync(id, stdout: $"file://{pod.Shim.Directory["output"]}");
        pod.Shim.Runsc.Fail("start", "no such program");
        RunscException e = await Assert.ThrowsAsync<RunscException>(container.StartAsync);
        Assert.Equal(RunscFailure.Failed, e.Failure);
        Assert.Contains("no such program", e.Message, StringComparison.Ordinal);
        Assert.Equal([$"start {id}+", $"delete --force {id}+"], pod.Shim.Runsc.Commands);
        Assert.False(TestShim.IsOpen(pod.Shim.Directory["output"]));
        Assert.Equal(ProcessState.Stopped, container.Init.State);
        Assert.Equal(128, (await container.Init.Ended).Status);
        Assert.Empty(pod.Shim.Events.Lines);
        Assert.Single(pod.Shim.Warnings);

        await Assert.ThrowsAsync<RefusedException>(container.StartAsync);
        Assert.Equal(128, (await container.DeleteAsync()).Status);
        Assert.Equal([$"delete {id} 128"], pod.Shim.Events.Lines);
        Assert.Equal(2, pod.Shim.Runsc.Commands.Count);
    });

    [Fact]
    public void A_clean_up_that_fails_is_logged_and_left_to_Delete() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("web");
        pod.Shim.Runsc.Fail("start", "no such program");
        pod.Shim.Runsc.Fail("delete", "device is busy");
        await Assert.ThrowsAsync<RunscException>(container.StartAsync);
        Assert.Contains("no such program", pod.Shim.Warnings[0], StringComparison.Ordinal);
        Assert.Contains("device is busy", pod.Shim.Warnings[1], StringComparison.Ordinal);
        pod.Shim.Runsc.Mend();
        await container.DeleteAsync();
        Assert.False(File.Exists(pod.RecordOf("web")));
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Start_is_refused_in_a_sandbox_that_does_not_run(bool paused) => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod");
        Container web = await pod.AddAsync("web");
        if (paused)
            await first.PauseAsync();
        else
            pod.Shim.Runsc.EndSandbox(0);
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(web.StartAsync);
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.Contains("web", e.Message, StringComparison.Ordinal);
        Assert.Equal(["start pod+"], pod.Shim.Runsc.Commands);
    });

    [Fact]
    public void Operations_on_a_container_run_in_order() => TestPod.Run(async pod =>
    {
        Container container = await pod.AddAsync("pod");
        TaskCompletionSource start = pod.Shim.Runsc.Hold("start");
        Task starting = container.StartAsync(), pausing = container.PauseAsync(), resuming = container.ResumeAsync();
        await pod.Shim.Runsc.UntilAsync("start");
        await TestShim.SettleAsync();
        Assert.Empty(pod.Control.Calls);
        start.SetResult();
        await Task.WhenAll(starting, pausing, resuming);
        Assert.Equal(["start pod", "paused pod", "resumed pod"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void A_start_on_one_container_does_not_delay_another() => TestPod.Run(async pod =>
    {
        Container pending = await pod.AddAsync("web"), other = await pod.AddAsync("log");
        TaskCompletionSource start = LoopTask.NewSource();
        pod.Shim.Runsc.On("start", call => call.Arguments[^1] == "web+" ? start.Task : Task.CompletedTask);
        Task starting = pending.StartAsync();
        await other.StartAsync();
        Assert.False(starting.IsCompleted);
        start.SetResult();
        await starting;
        Assert.Equal(["start log", "start web"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void Nobody_sees_a_pause_that_fails() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        pod.Control.Fail("pause", RunscFailure.Failed);
        await Assert.ThrowsAsync<RunscException>(container.PauseAsync);
        Assert.Equal(ProcessState.Running, container.Init.State);
        Assert.Equal(["start pod"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void A_resume_that_fails_leaves_the_container_paused() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("pod");
        await container.PauseAsync();
        pod.Control.Fail("resume", RunscFailure.TimedOut);
        await Assert.ThrowsAsync<RunscException>(container.ResumeAsync);
        Assert.Equal(ProcessState.Paused, container.Init.State);
        Assert.Equal(["start pod", "paused pod"], pod.Shim.Events.Lines);
    });
}
