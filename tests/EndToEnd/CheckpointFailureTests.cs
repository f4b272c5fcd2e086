using Containerd.Api.Tasks;
using Grpc.Core;
using Linux;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>Checkpoints that fail: no partial image is left, and the task keeps running.</summary>
public class CheckpointFailureTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory]
    [InlineData("exists", false, StatusCode.AlreadyExists,
        "already holds an image (checkpoint.img), which is not overwritten")]
    [InlineData("file", false, StatusCode.InvalidArgument, "Not a directory")]
    [InlineData("relative", false, StatusCode.InvalidArgument, "is not absolute")]
    [InlineData("read-only", false, StatusCode.FailedPrecondition, "cannot be written")]
    [InlineData("full", false, StatusCode.Unknown, "no space left on device")]
    [InlineData("full", true, StatusCode.Unknown, "no space left on device")]
    public async Task Checkpoint_fails_where_the_image_cannot_be_written(string kind, bool exit, StatusCode code,
        string words)
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await RunAsync(shim);
        string path = Path.Combine(shim.Directory, "image");
        if (kind is "read-only" or "full")
        {
            Directory.CreateDirectory(path);
            Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs",
                Options = kind == "full" ? ["size=64k"] : ["ro"] }], path);
        }
        else if (kind == "file")
            await File.WriteAllTextAsync(path, "mine");
        else if (kind == "exists")
            await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = path });
        Dictionary<string, string> before = ContentOf(path);

        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await shim.Tasks.CheckpointAsync(
            new CheckpointTaskRequest
            {
                Id = "c",
                Path = kind == "relative" ? "image" : path,
                Options = CheckpointTests.Options(exit)
            }));
        Assert.Contains(words, error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(code, error.StatusCode);
        Assert.Equal(before, ContentOf(path));
        await AssertGoesOnAsync(shim);
        Linux.Mounts.UnmountAll(path);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Checkpoint_fails_when_runsc_is_killed_and_the_next_one_succeeds(bool exit)
    {
        using KilledRunsc runsc = new();
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: runsc.Path);
        await RunAsync(shim);
        string image = Path.Combine(shim.Directory, "image");
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await shim.Tasks.CheckpointAsync(
            new CheckpointTaskRequest { Id = "c", Path = image, Options = CheckpointTests.Options(exit) }));
        Assert.Contains("runsc checkpoint: ", error.Status.Detail, StringComparison.Ordinal);
        Assert.False(Directory.Exists(image));
        await AssertGoesOnAsync(shim);

        // The next one is as good as any.
        runsc.Spare();
        await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
        {
            Id = "c",
            Path = image,
            Options = CheckpointTests.Options(exit)
        });
        Image.AssertComplete(image);
    }

    /// <summary>An older `ctr` sends no path, and the image goes to a temporary directory of its own.</summary>
    [Fact]
    public async Task A_shim_that_is_killed_during_a_checkpoint_leaves_no_partial_image()
    {
        using KilledRunsc runsc = new(instead: "kill -KILL $PPID; wait");
        Daemon daemon = await OwnDaemonAsync(
            Requires.Containerd(2, 0, "an image's path"), runsc: runsc.Path);
        string id = Id("c");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sh", "-c", Counter.Script))).Succeeded();
        await Counter.AboveAsync(daemon, id, 3);
        string before = Path.Combine(daemon.Directory, "image");
        Directory.CreateDirectory(before);
        await daemon.CtrAsync("tasks", "checkpoint", "--image-path", before, id);
        await Eventually.TrueAsync("the task is gone", async () => await StatusAsync(daemon, id) is "" or "STOPPED");
        await daemon.CtrAsync("tasks", "delete", id);
        await Eventually.TrueAsync("nothing of the image is left",
            () => Directory.EnumerateFileSystemEntries(daemon.Directory, ".incomplete-*",
                SearchOption.AllDirectories).ToArray() is []);
        Assert.Empty(Directory.GetFileSystemEntries(before));
        // A containerd that is stopped while it removes a bundle never finishes that.
        await Eventually.TrueAsync("containerd has removed the bundle",
            () => !Directory.EnumerateFileSystemEntries(daemon.BundlesOf("default")).Any());
        await daemon.StopAsync();
        await daemon.StartProcessAsync();
    }

    /// <summary>A checkpoint may take long, and a kill does not wait for it.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SIGKILL_does_not_wait_for_a_checkpoint(bool exit)
    {
        using KilledRunsc runsc = new(instead: "while [ -d \"$(dirname \"$0\")\" ]; do sleep 0.2; done");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: runsc.Path);
        await RunAsync(shim);
        string image = Path.Combine(shim.Directory, "image");
        AsyncUnaryCall<Google.Protobuf.WellKnownTypes.Empty> checkpoint = shim.Tasks.CheckpointAsync(
            new CheckpointTaskRequest { Id = "c", Path = image, Options = CheckpointTests.Options(exit) });
        await Eventually.TrueAsync("the image is being written",
            () => Directory.Exists(image) && Directory.EnumerateFiles(image, "*", SearchOption.AllDirectories).Any());
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(137u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
        Assert.False(checkpoint.ResponseAsync.IsCompleted);
    }

    [Fact]
    public async Task Checkpoint_rejects_options_of_another_type()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await RunAsync(shim);
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
            await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest
            {
                Id = "c",
                Path = Path.Combine(shim.Directory, "image"),
                Options = new Google.Protobuf.WellKnownTypes.Any { TypeUrl = "some.other.Options" },
            }));
        Assert.Equal(
            (StatusCode.InvalidArgument,
                "checkpoint options of type some.other.Options are not supported: invalid argument"),
            (error.StatusCode, error.Status.Detail));
    }

    private static async Task RunAsync(ShimHarness shim)
    {
        shim.WriteBundle("c", ["sh", "-c", Counter.Script]);
        await shim.Tasks.CreateAsync(new CreateTaskRequest { Id = "c", Bundle = shim.Bundle, Options = shim.Options });
        await shim.Tasks.StartAsync(new StartRequest { Id = "c" });
        await Counter.AboveAsync(shim, "c", 3);
    }

    private static async Task AssertGoesOnAsync(ShimHarness shim)
    {
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        await Counter.AboveAsync(shim, "c", await Counter.AboveAsync(shim, "c", 0));
        Assert.Contains("checkpoint", shim.Log, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(shim.Bundle, "checkpoint-partial")));
        Assert.DoesNotContain(shim.Events.Skip(2), static envelope => envelope.Topic != "/tasks/checkpointed");
    }

    private static Dictionary<string, string> ContentOf(string directory) => !Directory.Exists(directory) ? []
        : Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal)
            .ToDictionary(static path => Path.GetFileName(path)!,
                static path => $"{new FileInfo(path).Length} {File.GetLastWriteTimeUtc(path):O}");

    /// <summary>A runsc that a signal ends as soon as its sandbox has begun to write an image.</summary>
    private sealed class KilledRunsc : IDisposable
    {
        private readonly TempDirectory _directory = new("killed-runsc-");

        /// <param name="instead">What is done in place of the rest of <c>runsc checkpoint</c>.</param>
        public KilledRunsc(string instead = "kill -KILL $!; wait; exit 137") =>
            Path = _directory.WriteProgram("runsc", $$"""
            #!/bin/sh
            case "$*" in
              *' checkpoint '*) [ -e "$(dirname "$0")/spare" ] || {
                {{Tools.Runsc}} "$@" &
                for word do case $word in --image-path=*) image=${word#--image-path=} ;; esac; done
                until [ -e "$image/checkpoint.img" ] || ! kill -0 $!; do :; done
                {{instead}}
              } ;;
            esac
            exec {{Tools.Runsc}} "$@"
            """);

        public string Path { get; }

        /// <summary>From now on checkpoints are left alone.</summary>
        public void Spare() => _directory.Write("spare", "");

        public void Dispose() => _directory.Dispose();
    }
}
