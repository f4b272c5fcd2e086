using Linux;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Sandboxes;

namespace Shim.Tests.Containers;

/// <summary>Containers of a sandbox that is restored from an image.</summary>
public sealed class ContainerRestoreTests
{
    [Fact]
    public void They_are_restored_one_by_one_and_waited_for_when_all_are_there() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web", "log");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web"), log = await pod.AddAsync("log");
        await first.StartAsync();
        await web.StartAsync();
        Assert.True(web.IsBeingRestored);
        // A container that does not run yet cannot be waited for.
        Assert.Empty(pod.Control.Calls);
        await log.StartAsync();
        Assert.False(web.IsBeingRestored);
        Assert.False(restore.IsPending);
        Assert.Equal(["wait web+", "wait log+"], pod.Control.Calls);
        Assert.Equal(
            [
                "restore --image-path=image --detach pod+", "restore --image-path=image --detach web+",
                "restore --image-path=image --detach log+",
            ],
            pod.Shim.Runsc.Commands);
        Assert.Equal(["start pod", "start web", "start log"], pod.Shim.Events.Lines);
    });

    [Fact]
    public void The_sandboxs_own_container_is_started_first() => TestPod.Run(async pod =>
    {
        pod.Restore("", "web");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web");
        CheckpointException e = await Assert.ThrowsAsync<CheckpointException>(web.StartAsync);
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        Assert.Equal(ProcessState.Created, web.Init.State);
        Assert.Empty(pod.Shim.Runsc.Commands);
        await first.StartAsync();
        await web.StartAsync();
    });

    [Fact]
    public void Before_the_last_one_nothing_else_can_be_done() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web");
        Container first = await pod.AddAsync("pod");
        await first.StartAsync();
        foreach (Func<Task> act in (Func<Task>[])
        [
            first.PauseAsync,
            () =>
            {
                first.AddExec("e", "{}"u8.ToArray(), new StdioRequest("", "", "", Terminal: false));
                return Task.CompletedTask;
            },
            () => first.KillAsync("", Signals.SIGUSR1, all: false),
            () => first.CheckpointAsync(new CheckpointRequest(pod.Shim.Directory["new"], new CheckpointSettings())),
        ])
        {
            RefusedException e = await Assert.ThrowsAsync<RefusedException>(act);
            Assert.Equal(Refusal.WrongState, e.Refusal);
            Assert.Contains(restore.ImagePath, e.Message, StringComparison.Ordinal);
            Assert.Contains("web", e.Message, StringComparison.Ordinal);
        }
        Assert.Equal(ProcessState.Running, first.Init.State);
    });

    [Fact]
    public void One_that_cannot_be_restored_ends_all() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web", "log");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web"), log = await pod.AddAsync("log");
        await first.StartAsync();
        pod.Shim.Runsc.Fail("restore", "torn image");
        RunscException e = await Assert.ThrowsAsync<RunscException>(web.StartAsync);
        Assert.Contains("torn image", e.Message, StringComparison.Ordinal);
        Assert.True(restore.HasFailed);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        await Task.WhenAll(first.Init.Ended, log.Init.Ended);
        // None of them ever ran.
        Assert.Equal(["start pod", "exit pod 128", "exit log 128"], pod.Shim.Events.Lines);
        Assert.Equal(128, (await web.Init.Ended).Status);
        Assert.Contains(pod.Shim.Warnings, static line => line.Contains("torn image", StringComparison.Ordinal));
    });

    [Theory]
    [InlineData(Signals.SIGKILL, 137)]
    [InlineData(Signals.SIGTERM, 143)]
    public void One_that_is_killed_before_all_are_there_ends_all(int signal, int status) => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web", "log");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web");
        await first.StartAsync();
        await web.StartAsync();
        await web.KillAsync("", signal, all: false);
        Assert.Equal(status, (await web.Init.Ended).Status);
        Assert.True(restore.HasFailed);
        Assert.Equal(["sandbox 9"], pod.Shim.Runsc.Signals);
        // runsc has no process to signal, and no container to keep.
        Assert.DoesNotContain($"signal web+ {signal} 0", pod.Control.Calls);
        Assert.Equal("delete --force web+", pod.Shim.Runsc.Commands[^1]);
        Assert.Equal(128, (await first.Init.Ended).Status);
        Assert.Contains("container web", Assert.Single(pod.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void A_sandbox_that_ends_before_all_are_there_was_not_restored() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web");
        Container first = await pod.AddAsync("pod");
        await first.StartAsync();
        pod.Shim.Runsc.EndSandbox(9);
        Assert.Equal(128, (await first.Init.Ended).Status);
        Assert.True(restore.HasFailed);
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void A_sandbox_that_ends_later_has_its_own_status() => TestPod.Run(async pod =>
    {
        pod.Restore("");
        Container first = await pod.AddAsync("pod");
        await first.StartAsync();
        pod.Shim.Runsc.EndSandbox(3 << 8);
        Assert.Equal(3, (await first.Init.Ended).Status);
    });

    [Fact]
    public void After_a_restore_that_failed_nothing_starts() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web");
        await first.StartAsync();
        restore.Fail("for the test");
        Assert.Equal(Refusal.WrongState, (await Assert.ThrowsAsync<RefusedException>(web.StartAsync)).Refusal);
        Assert.Single(pod.Shim.Warnings);
    });

    [Fact]
    public void A_container_that_is_deleted_before_its_restore_gives_its_place_back() => TestPod.Run(async pod =>
    {
        SandboxRestore restore = pod.Restore("", "web");
        Container first = await pod.AddAsync("pod"), web = await pod.AddAsync("web");
        await first.StartAsync();
        Assert.Throws<CheckpointException>(() => restore.Add("web"));
        await web.DeleteAsync();
        Container again = await pod.AddAsync("web");
        await again.StartAsync();
        Assert.False(restore.IsPending);
    });
}
