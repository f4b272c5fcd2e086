using Linux;
using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Containers;
using Shim.Io;
using Shim.Runsc;
using Shim.Tests.Support;
using Shim.Volumes;

namespace Shim.Tests.Containers;

/// <summary>Each step of a sandbox's creation fails in turn: nothing is left, and the id can be used again.</summary>
public sealed class CreateSandboxFailureTests
{
    [Theory]
    [InlineData("")]
    [InlineData("../pod")]
    public void The_id_is_not_valid(string id) => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod") with { Id = id };
        RefusedException e = await FailAsync<RefusedException>(shim, request);
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
    });

    [Fact]
    public void The_path_of_the_bundle_is_not_absolute() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod") with { Bundle = new Bundle("bundles/pod") };
        RefusedException e = await FailAsync<RefusedException>(shim, request);
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.Contains("bundles/pod", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void The_id_is_taken() => TestShim.Run(async shim =>
    {
        Container first = await shim.Creator.CreateAsync(shim.Request("pod"));
        RefusedException e = await FailAsync<RefusedException>(shim, shim.Request("pod"));
        Assert.Equal(Refusal.AlreadyExists, e.Refusal);
        Assert.Same(first, shim.Store.Get("pod"));
        Assert.True(File.Exists(first.Bundle.State));
    });

    [Fact]
    public void The_id_is_being_used_by_another_create() => TestShim.Run(async shim =>
    {
        TaskCompletionSource create = shim.Runsc.Hold("create");
        Task<Container> first = shim.Creator.CreateAsync(shim.Request("pod"));
        await shim.Runsc.UntilAsync("create");
        RefusedException e = await FailAsync<RefusedException>(shim, shim.Request("pod"));
        Assert.Equal(Refusal.AlreadyExists, e.Refusal);
        create.SetResult();
        Assert.Same(await first, shim.Store.Get("pod"));
    });

    [Fact]
    public void The_specification_is_missing() => AssertUndone<RefusedException>(
        static request => File.Delete(request.Bundle.Specification),
        static (request, e) =>
        {
            Assert.Equal(Refusal.InvalidArgument, e.Refusal);
            Assert.Contains(request.Bundle.Specification, e.Message, StringComparison.Ordinal);
        });

    [Fact]
    public void The_specification_is_not_JSON() => AssertUndone<RefusedException>(
        static request => File.WriteAllText(request.Bundle.Specification, "{"),
        static (_, e) => Assert.Equal(Refusal.InvalidArgument, e.Refusal));

    [Fact]
    public void The_image_is_missing() => AssertUndone<CheckpointException>(
        static request => request with { Checkpoint = "/missing/image" },
        static (request, e) =>
        {
            Assert.Equal(CheckpointFault.Invalid, e.Fault);
            Assert.Contains("/missing/image", e.Message, StringComparison.Ordinal);
            Assert.Contains(request.Id, e.Message, StringComparison.Ordinal);
        });

    [Fact]
    public void The_state_cannot_be_written() => TestShim.Run(async shim =>
    {
        CreateRequest request = shim.Request("pod");
        Directory.CreateDirectory(request.Bundle.State);
        LinuxException e = await FailAsync<LinuxException>(shim, request);
        Assert.Contains(request.Bundle.State, e.Message, StringComparison.Ordinal);
        Assert.Equal(0, shim.Store.Count);
        Assert.Empty(shim.Runsc.Commands);
        Directory.Delete(request.Bundle.State);
        await shim.Creator.CreateAsync(shim.Request("pod"));
    });

    [Fact]
    public void The_volumes_are_impossible() => AssertUndone<VolumeException>(
        static request => File.WriteAllText(request.Bundle.Specification,
            """{"annotations":{"dev.gvisor.spec.mount.data.share":"everywhere"}}"""),
        static (_, e) => Assert.Contains("everywhere", e.Message, StringComparison.Ordinal));

    [Fact]
    public void A_mount_fails() => AssertUndone<LinuxException>(
        static request => request with
        {
            Rootfs = [new MountSpec { Type = "no-such-file-system", Source = "none" }],
        },
        static (request, e) => Assert.Contains(request.Bundle.Rootfs, e.Message, StringComparison.Ordinal));

    [Theory]
    [InlineData("bogus://x", typeof(FormatException))]
    [InlineData("/missing/fifo", typeof(LinuxException))]
    public void A_stream_cannot_be_opened(string stdout, Type error) => AssertUndone<Exception>(
        request => request with { Stdio = new StdioRequest("", stdout, "", Terminal: false) },
        (_, e) => Assert.IsType(error, e));

    [Fact]
    public void Runsc_cannot_be_started() => AssertUndone<RunscException>(
        static shim => shim.Runsc.IsMissing = true,
        static (_, e) => Assert.Equal(RunscFailure.NotRunnable, e.Failure));

    [Fact]
    public void Runsc_fails() => AssertUndone<RunscException>(
        static shim => shim.Runsc.Fail("create", "no cgroup"),
        static (_, e) =>
        {
            Assert.Equal(RunscFailure.Failed, e.Failure);
            Assert.Contains("no cgroup", e.Message, StringComparison.Ordinal);
        }, "create");

    [Fact]
    public void Runsc_fails_and_leaves_a_container() => AssertUndone<RunscException>(
        static shim => shim.Runsc.On("create", static call =>
        {
            call.LeaveRecord();
            call.Fail("no cgroup");
        }),
        static (_, e) => Assert.Equal(RunscFailure.Failed, e.Failure), "create", "delete");

    [Fact]
    public void Runsc_leaves_no_process_id() => AssertUndone<RunscException>(
        static shim => shim.Runsc.On("create", static call =>
        {
            call.LeaveRecord();
            call.End(0);
        }),
        static (request, e) => Assert.Contains(request.Bundle.PidFile, e.Message, StringComparison.Ordinal),
        "create", "delete");

    [Fact]
    public void Runsc_hangs() => TestShim.Run(async shim =>
    {
        shim.Runsc.On("create", static call =>
        {
            call.LeaveRecord();
            return new TaskCompletionSource().Task;
        });
        CreateRequest request = shim.Request("pod");
        Task<Container> creating = shim.Creator.CreateAsync(request);
        RunscCall create = await shim.Runsc.UntilAsync("create");
        await TestShim.SettleAsync();
        shim.Time.Advance(TimeSpan.FromMinutes(2) - TimeSpan.FromMilliseconds(1));
        await TestShim.SettleAsync();
        Assert.False(creating.IsCompleted);
        shim.Time.Advance(TimeSpan.FromMilliseconds(1));
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => creating);
        Assert.Equal(RunscFailure.TimedOut, e.Failure);
        Assert.Equal([$"{create.Pid} {Signals.SIGKILL}"], shim.Runsc.Signals);
        Assert.Equal("delete --force pod+", shim.Runsc.Commands[^1]);
        AssertNothingLeft(shim, request);
        Assert.Single(shim.Warnings);
        await CreateAgainAsync(shim);
    });

    private static void AssertUndone<T>(Action<CreateRequest> spoil, Action<CreateRequest, T> check)
        where T : Exception =>
        AssertUndone<T>((_, request) =>
        {
            spoil(request);
            return request;
        }, check);

    private static void AssertUndone<T>(Func<CreateRequest, CreateRequest> spoil, Action<CreateRequest, T> check)
        where T : Exception =>
        AssertUndone<T>((_, request) => spoil(request), check);

    private static void AssertUndone<T>(
        Action<TestShim> spoil, Action<CreateRequest, T> check, params string[] commands) where T : Exception =>
        AssertUndone<T>((shim, request) =>
        {
            spoil(shim);
            return request;
        }, check, commands);

    /// <summary>Creates a sandbox that cannot be created, and then one that can.</summary>
    private static void AssertUndone<T>(Func<TestShim, CreateRequest, CreateRequest> spoil,
        Action<CreateRequest, T> check, params string[] commands) where T : Exception => TestShim.Run(async shim =>
        {
            CreateRequest request = spoil(shim, shim.Request("pod"));
            check(request, await FailAsync<T>(shim, request));
            Assert.Equal(commands, shim.Runsc.Calls.Select(static call => call.Command));
            AssertNothingLeft(shim, request);
            await CreateAgainAsync(shim);
        });

    private static async Task<T> FailAsync<T>(TestShim shim, CreateRequest request) where T : Exception
    {
        T e = await Assert.ThrowsAnyAsync<T>(() => shim.Creator.CreateAsync(request));
        _ = shim.Warnings;
        return e;
    }

    private static void AssertNothingLeft(TestShim shim, CreateRequest request)
    {
        Assert.Equal(0, shim.Store.Count);
        Assert.Empty(shim.Events.Lines);
        Assert.DoesNotContain(shim.Warnings, static line => line.StartsWith("level=error", StringComparison.Ordinal));
        string?[] left = [.. Directory.GetFileSystemEntries(request.Bundle.Path).Select(Path.GetFileName)];
        Assert.Empty(left.Except(["config.json", "rootfs"]));
        Assert.False(Directory.Exists(shim.RunscRoot) && Directory.GetFiles(shim.RunscRoot).Length > 0);
    }

    private static async Task CreateAgainAsync(TestShim shim)
    {
        shim.Runsc.Mend();
        Container container = await shim.Creator.CreateAsync(shim.Request("pod"));
        Assert.Equal(["create pod"], shim.Events.Lines);
        Assert.Equal([container], container.Sandbox.Members);
    }
}
