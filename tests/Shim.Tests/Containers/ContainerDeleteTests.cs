using Containerd.Api.Events;
using Linux;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

public sealed class ContainerDeleteTests
{
    private static readonly StdioRequest s_noStreams = new("", "", "", Terminal: false);

    /// <summary>runsc has deleted it, so containerd must not be told otherwise.</summary>
    [Fact]
    public void What_runsc_left_and_cannot_be_removed_is_logged() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        Container container = await pod.InStoppedAsync("web", 3);
        Directory.CreateDirectory(Path.Combine(pod.Shim.RunscRoot, "runsc-web+.sock")); // not a file
        Assert.Equal(3, (await container.DeleteAsync()).Status);
        Assert.Equal("delete web 3", pod.Shim.Events.Lines[^1]);
        Assert.Contains("runsc-web+.sock", Assert.Single(pod.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void A_deleted_container_is_gone() => TestPod.Run(async pod =>
    {
        await pod.StartAsync("pod");
        Container container = await pod.InStoppedAsync("web", 3);
        ProcessEnd end = await container.DeleteAsync();
        Assert.Equal(new ProcessEnd(3, pod.Shim.Time.GetUtcNow()), end);
        Assert.Equal("delete web 3", pod.Shim.Events.Lines[^1]);
        Assert.Empty(pod.Shim.Events.Of<TaskDelete>()[0].Id);
        Assert.Equal(end.At, pod.Shim.Events.Of<TaskDelete>()[0].ExitedAt.ToDateTimeOffset());
        Assert.Equal("delete --force web+", pod.Shim.Runsc.Commands[^1]);
        Assert.Single(pod.Sandbox.Members);
        Assert.Equal(1, pod.Shim.Store.Count);
        Assert.Throws<RefusedException>(() => pod.Shim.Store.Get("web"));
    });

    [Fact]
    public void A_delete_that_fails_can_be_tried_again() => TestPod.Run(async pod =>
    {
        Container container = await pod.InStoppedAsync("web", 3);
        pod.Shim.Runsc.Fail("delete", "device is busy");
        RunscException e = await Assert.ThrowsAsync<RunscException>(container.DeleteAsync);
        Assert.Contains("device is busy", e.Message, StringComparison.Ordinal);
        Assert.Equal(ProcessState.Stopped, container.Init.State);
        Assert.Same(container, pod.Shim.Store.Get("web"));
        Assert.Equal(["start web", "exit web 3"], pod.Shim.Events.Lines);
        pod.Shim.Runsc.Mend();
        Assert.Equal(3, (await container.DeleteAsync()).Status);
        Assert.Equal("delete web 3", pod.Shim.Events.Lines[^1]);
    });

    [Fact]
    public void A_delete_that_fails_half_way_because_the_sandbox_ended_has_succeeded() => TestPod.Run(async pod =>
    {
        Container container = await pod.InStoppedAsync("web", 3);
        pod.Shim.Runsc.On("delete", call =>
        {
            File.Delete(pod.RecordOf("web"));
            call.Fail("connection refused");
        });
        await container.DeleteAsync();
        Assert.Equal("delete web 3", pod.Shim.Events.Lines[^1]);
        Assert.Equal(0, pod.Shim.Store.Count);
    });

    /// <summary>A runsc that is killed may have removed its record, but not the store: then no create succeeds again.
    /// </summary>
    [Theory, InlineData("pod"), InlineData("web")]
    public void A_file_store_that_a_killed_runsc_leaves_in_the_root_file_system_is_removed(string id) =>
        TestPod.Run(async pod =>
        {
            Container container = await pod.InStoppedAsync(id, 3);
            string store = Path.Combine(container.Bundle.Rootfs, ".gvisor.filestore.pod+");
            File.WriteAllText(store, "");
            File.Delete(pod.RecordOf(id));
            await container.DeleteAsync();
            Assert.False(File.Exists(store));
        });

    [Fact]
    public void Locks_that_runsc_leaves_are_removed() => TestPod.Run(async pod =>
    {
        Container container = await pod.InStoppedAsync("web", 0);
        string own = Path.ChangeExtension(pod.RecordOf("web"), ".lock");
        string other = Path.Combine(pod.Shim.RunscRoot, "other+_sandbox:pod+.lock");
        File.WriteAllText(own, "");
        File.WriteAllText(other, "");
        await container.DeleteAsync();
        Assert.False(File.Exists(own));
        Assert.True(File.Exists(other));
    });

    [Fact]
    public void Delete_resumes_a_sandbox_that_is_paused() => TestPod.Run(async pod =>
    {
        Container first = await pod.StartAsync("pod");
        Container container = await pod.InStoppedAsync("web", 0);
        await first.PauseAsync();
        await container.DeleteAsync();
        Assert.Equal(["wait web+", "pause pod+", "resume pod+", "pause pod+"], pod.Control.Calls);
    });

    [Fact]
    public void Execs_are_deleted_with_their_container() => TestPod.Run(async pod =>
    {
        Container container = await pod.StartAsync("web");
        foreach (string exec in (string[])["created", "running", "ended"])
            container.AddExec(exec, "{}"u8.ToArray(), s_noStreams);
        int running = await pod.StartExecAsync(container, "running");
        int ended = await pod.StartExecAsync(container, "ended");
        pod.Shim.Runsc.End(ended, 4 << 8);
        pod.Shim.Runsc.End(running, 5 << 8);
        await pod.EndAsync(container, 0);
        await container.DeleteAsync();
        Assert.Equal(["exit web/ended 4", "exit web/running 5", "exit web 0", "delete web 0"],
            pod.Shim.Events.Lines.TakeLast(4));
        Assert.Equal(0, container.ExecCount);
        Assert.Empty(Directory.GetFiles(container.Bundle.Path, "exec-*"));
    });

    [Fact]
    public void Streams_are_closed() => TestPod.Run(async pod =>
    {
        string output = pod.Shim.Directory["output"];
        Container container = await pod.AddAsync("pod", stdout: $"file://{output}");
        Assert.True(TestShim.IsOpen(output));
        await container.DeleteAsync();
        Assert.False(TestShim.IsOpen(output));
    });

    [Fact]
    public void The_root_file_system_is_unmounted()
    {
        Requires.Root("mounting");
        TestPod.Run(async pod =>
        {
            Container container = await pod.AddAsync("pod");
            await pod.Shim.Context.Blocking.MountAsync(
                [new MountSpec { Type = "tmpfs", Source = "tmpfs" }], container.Bundle.Rootfs);
            File.WriteAllText(Path.Combine(container.Bundle.Rootfs, "file"), "");
            await container.DeleteAsync();
            Assert.Empty(Directory.GetFiles(container.Bundle.Rootfs));
        });
    }
}
