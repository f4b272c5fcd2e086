using Linux;
using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>The creation of a container that joins a sandbox, with and without faults.</summary>
public sealed class JoinSandboxTests
{
    [Fact]
    public void It_joins_the_sandbox() => Run(async (shim, pod) =>
    {
        Container web = await shim.Creator.CreateAsync(shim.Request("web", "pod"));
        Assert.Same(pod.Sandbox, web.Sandbox);
        Assert.Equal([pod, web], pod.Sandbox.Members);
        Assert.False(web.IsSandbox);
        Assert.Equal(pod.Init.Pid, web.Init.Pid);
        Assert.Equal("create --bundle web --pid-file init.pid web+", shim.Runsc.Commands[^1]);
        // Its streams are handed over when it is started.
        Assert.Empty(shim.Runsc.Calls[^1].Request.Descriptors);
        Assert.Equal(["create pod", "start pod", "create web"], shim.Events.Lines);
    });

    [Fact]
    public void Its_end_is_what_runsc_wait_prints() => Run(async (shim, _) =>
    {
        Container web = await shim.Creator.CreateAsync(shim.Request("web", "pod"));
        await web.StartAsync();
        RunscCall wait = await shim.Runsc.UntilAsync("wait");
        wait.Print("""{"id":"web+","exitStatus":6}""");
        wait.End(0);
        Assert.Equal(6, (await web.Init.Ended).Status);
    });

    [Fact]
    public void The_sandbox_is_not_here() => Run(async (shim, _) =>
    {
        RefusedException e = await FailAsync<RefusedException>(shim, shim.Request("web", "other"));
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.Contains("web", e.Message, StringComparison.Ordinal);
        Assert.Contains("other", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(new Bundle(shim.Directory["bundles/web"]).State));
    });

    [Fact]
    public void The_sandbox_is_a_container_that_joined_one() => Run(async (shim, _) =>
    {
        await shim.Creator.CreateAsync(shim.Request("log", "pod"));
        RefusedException e = await FailAsync<RefusedException>(shim, shim.Request("web", "log"));
        Assert.Equal(Refusal.WrongState, e.Refusal);
    });

    [Fact]
    public void No_annotation_names_a_sandbox() => Run(async (shim, _) =>
    {
        CreateRequest request = shim.Request("web", "pod");
        File.WriteAllText(request.Bundle.Specification,
            """{"annotations":{"io.kubernetes.cri.container-type":"container"}}""");
        RefusedException e = await FailAsync<RefusedException>(shim, request);
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_sandbox_does_not_run(bool paused) => Run(async (shim, pod) =>
    {
        if (paused)
            await pod.PauseAsync();
        else
            shim.Runsc.EndSandbox(0);
        RefusedException e = await FailAsync<RefusedException>(shim, shim.Request("web", "pod"));
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.Contains("sandbox pod", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void The_sandbox_is_paused_meanwhile() => Run(async (shim, pod) =>
    {
        CreateRequest request = shim.Request("web", "pod") with
        {
            Stdio = new StdioRequest("", $"file://{shim.Directory["output"]}", "", Terminal: false),
        };
        // The file is opened by another thread, which the loop has not heard of yet.
        Task<Container> creating = shim.Creator.CreateAsync(request);
        Task pausing = pod.PauseAsync();
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => creating);
        Assert.Equal(Refusal.WrongState, e.Refusal);
        await pausing;
        Assert.Equal([pod], pod.Sandbox.Members);
        Assert.Single(shim.Runsc.Calls, static call => call.Command == "create");
        AssertOnlySpecification(request);
        Assert.Single(shim.Warnings);
    });

    [Fact]
    public void A_pause_waits_for_the_creation() => Run(async (shim, pod) =>
    {
        TaskCompletionSource create = shim.Runsc.Hold("create");
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("web", "pod"));
        await TestShim.UntilAsync(() => shim.Runsc.Calls[^1].Command == "create" && shim.Runsc.Calls.Count > 2);
        Task pausing = pod.PauseAsync();
        await TestShim.SettleAsync();
        Assert.DoesNotContain("pause pod+", shim.Runsc.Commands);
        create.SetResult();
        Container web = await creating;
        await pausing;
        Assert.Equal(["create pod", "start pod", "create web", "paused pod"], shim.Events.Lines);
        Assert.Equal([pod, web], pod.Sandbox.Members);
    });

    [Fact]
    public void It_waits_for_a_checkpoint_that_is_being_written() => Run(async (shim, pod) =>
    {
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = pod.Sandbox.SaveAsync(pod, SandboxEnd.None, () => written.Task);
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("web", "pod"));
        await shim.Context.Blocking.RunAsync("wait for the thread of", "the mounts", static () => { });
        await TestShim.SettleAsync();
        Assert.Single(shim.Runsc.Calls, static call => call.Command == "create");
        written.SetResult();
        await saving;
        await creating;
    });

    [Fact]
    public void It_is_given_up_while_a_checkpoint_is_written() => Run(async (shim, pod) =>
    {
        using CancellationTokenSource caller = new();
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = pod.Sandbox.SaveAsync(pod, SandboxEnd.None, () => written.Task);
        CreateRequest request = shim.Request("web", "pod");
        Task<Container> creating = shim.Creator.CreateAsync(request, caller: caller.Token);
        await shim.Context.Blocking.RunAsync("wait for the thread of", "the mounts", static () => { });
        await TestShim.SettleAsync();
        await caller.CancelAsync();
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => creating);
        Assert.Equal(Refusal.GivenUp, e.Refusal);
        AssertOnlySpecification(request);
        Assert.Single(shim.Warnings);
        written.SetResult();
        await saving;
    });

    [Fact]
    public void One_that_fails_is_undone_before_a_pause() => Run(async (shim, pod) =>
    {
        shim.Runsc.On("create", static call =>
        {
            call.LeaveRecord();
            call.Fail("no cgroup");
        });
        TaskCompletionSource delete = shim.Runsc.Hold("delete");
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("web", "pod"));
        await TestShim.UntilAsync(() => shim.Runsc.Calls.Count > 2 && shim.Runsc.Calls[^1].Command == "create");
        Task pausing = pod.PauseAsync();
        await shim.Runsc.UntilAsync("delete");
        await TestShim.SettleAsync();
        Assert.Equal("delete --force web+", shim.Runsc.Commands[^1]);
        delete.SetResult();
        await Assert.ThrowsAsync<RunscException>(() => creating);
        await pausing;
        Assert.Equal(["create pod", "start pod", "paused pod"], shim.Events.Lines);
        Assert.Single(shim.Warnings);
    });

    [Theory]
    [InlineData("spec")]
    [InlineData("image")]
    [InlineData("mount")]
    [InlineData("stdio")]
    [InlineData("create")]
    [InlineData("pid file")]
    public void A_step_that_fails_leaves_nothing(string step) => Run(async (shim, pod) =>
    {
        CreateRequest request = Spoil(shim, shim.Request("web", "pod"), step);
        await FailAsync<Exception>(shim, request);
        Assert.Equal([pod], pod.Sandbox.Members);
        Assert.Equal(1, shim.Store.Count);
        Assert.Equal(["create pod", "start pod"], shim.Events.Lines);
        AssertOnlySpecification(request);
        Assert.Equal(["pod+_sandbox:pod+.state"], Directory.GetFiles(shim.RunscRoot).Select(Path.GetFileName));
        shim.Runsc.Mend();
        Assert.Same(pod.Sandbox, (await shim.Creator.CreateAsync(shim.Request("web", "pod"))).Sandbox);
    });

    [Fact]
    public void A_place_in_the_image_is_given_back() => TestShim.Run(async shim =>
    {
        string image = ExampleImage.Write(shim.Directory["image"], TestPod.HeaderOf(2),
            new CheckpointRecord { RunscVersion = "release-test", Containers = ["", "web"] });
        Container pod = await shim.Creator.CreateAsync(shim.Request("pod") with { Checkpoint = image });
        shim.Runsc.Fail("create", "no cgroup");
        await FailAsync<RunscException>(shim, shim.Request("web", "pod"));
        shim.Runsc.Mend();
        Container web = await shim.Creator.CreateAsync(shim.Request("web", "pod"));
        CheckpointException e = await FailAsync<CheckpointException>(shim, shim.Request("other", "pod"));
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        await pod.StartAsync();
        await web.StartAsync();
        Assert.False(pod.IsBeingRestored);
        Assert.Equal(["create pod", "create web", "start pod", "start web"], shim.Events.Lines);
    });

    [Fact]
    public void Without_grouping_the_sandbox_is_another_shims() => TestShim.Run(async shim =>
    {
        TestShim other = new(shim.Context.Loop, shim.Context.Log);
        await other.Creator.CreateAsync(shim.Request("pod"));
        CreateRequest request = shim.Request("web", "pod");
        Container web = await shim.Creator.CreateAsync(
            request with { Configuration = request.Configuration with { Grouping = false } });
        Assert.Equal("pod", web.Sandbox.Id);
        Assert.Null(web.Sandbox.Exit);
        Assert.Equal([web], web.Sandbox.Members);
        Assert.Equal(["create web"], shim.Events.Lines);
    });

    private static void Run(Func<TestShim, Container, Task> body) => TestShim.Run(async shim =>
    {
        Container pod = await shim.Creator.CreateAsync(shim.Request("pod"));
        await pod.StartAsync();
        await body(shim, pod);
    });

    private static CreateRequest Spoil(TestShim shim, CreateRequest request, string step)
    {
        switch (step)
        {
            case "spec":
                File.WriteAllText(request.Bundle.Specification, "[]");
                return request;
            case "image":
                return request with { Checkpoint = "/missing/image" };
            case "mount":
                return request with { Rootfs = [new MountSpec { Type = "no-such-file-system", Source = "none" }] };
            case "stdio":
                return request with { Stdio = new StdioRequest("", "bogus://x", "", Terminal: false) };
            case "create":
                shim.Runsc.Fail("create", "no cgroup");
                return request;
            default:
                shim.Runsc.On("create", static call =>
                {
                    call.LeaveRecord();
                    call.End(0);
                });
                return request;
        }
    }

    private static async Task<T> FailAsync<T>(TestShim shim, CreateRequest request) where T : Exception
    {
        T e = await Assert.ThrowsAnyAsync<T>(() => shim.Creator.CreateAsync(request));
        Assert.DoesNotContain(shim.Warnings, static line => line.StartsWith("level=error", StringComparison.Ordinal));
        Assert.Throws<RefusedException>(() => shim.Store.Get(request.Id));
        return e;
    }

    private static void AssertOnlySpecification(CreateRequest request) => Assert.Equal(
        ["config.json"], Directory.GetFiles(request.Bundle.Path).Select(Path.GetFileName));
}
