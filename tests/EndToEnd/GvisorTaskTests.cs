using Containerd.Api.Gvisor;
using Grpc.Core;
using Testing;
using Ttrpc;
using static EndToEnd.Refusals;
using CreateTaskRequest = Containerd.Api.Tasks.CreateTaskRequest;
using GvisorApi = Containerd.Api.Gvisor.TaskService;
using Task = System.Threading.Tasks.Task;
using Tasks = Containerd.Api.Tasks;
using WaitType = Containerd.Api.Gvisor.WaitRequest.Types.WaitType;

namespace EndToEnd;

/// <summary>
/// gVisor's own task service on both its sockets, with a runsc that knows what releases of mid-2026 do; and what is
/// answered with an older one.
/// </summary>
public class GvisorTaskTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_option_reaches_runsc(bool hibernateSocket)
    {
        using TempDirectory directory = new();
        StandInRunsc runsc = StandInRunsc.Make(directory.Path);
        await using ShimHarness shim = await ShimHarness.StartAsync("enable_hibernate_server = true", runsc.Path);
        await RunAsync(shim);
        await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync(
            hibernateSocket ? Path.Combine(shim.RunscRoot, "c_sandbox.sock") : shim.Socket);
        GvisorApi.TaskServiceClient service = new(channel);

        string image = Path.Combine(shim.Directory, "image"), log = Path.Combine(shim.Directory, "debug") + "/";
        await service.CheckpointAsync(new CheckpointRequest
        {
            Id = "c",
            ImagePath = image,
            Direct = false,
            LeaveRunning = true,
            Compression = "none",
            ExcludeCommittedZeroPages = true,
            SaveRestoreExecArgv = "/bin/true x",
            SaveRestoreExecTimeout = "3s",
            CudaCheckpointPath = "/bin/cuda",
            CudaCheckpointSequential = true,
            WorkPath = shim.Directory,
            Debug = new Debug { DebugLog = log },
        });
        Assert.Matches("^checkpoint --image-path=" + image
            + "/\\.incomplete-[0-9a-f]+ --leave-running --compression=none "
            + "--exclude-committed-zero-pages --save-restore-exec-argv=/bin/true x --save-restore-exec-timeout=3s "
            + $"--cuda-checkpoint-path=/bin/cuda --cuda-checkpoint-sequential --work-path={shim.Directory} c\\+$",
            runsc.Calls.Single(static call => call.StartsWith("checkpoint ", StringComparison.Ordinal)));
        Assert.Single(runsc.WholeCalls,
            call => call.Contains($" --debug --debug-log={log} checkpoint ", StringComparison.Ordinal));
        Assert.NotEmpty(Directory.GetFiles(log));
        Assert.Contains("pages.img", Image.AssertComplete(image));

        // The state is the shim's, and what is wanted of runsc is its debug log; a descriptor is handed on as it is.
        StateResponse state = await service.StateAsync(new StateRequest
        {
            Id = "c",
            Debug = new Debug { DebugLogFd = 2 }
        });
        Assert.Equal(("c", "running"), (state.Id, state.State));
        Assert.Equal((int)(await shim.Tasks.StateAsync(new Tasks.StateRequest { Id = "c" })).Pid, state.Pid);
        Assert.EndsWith(" --debug --debug-log-fd=2 state c+", runsc.WholeCalls[^1], StringComparison.Ordinal);
        Assert.Equal(RunscCapabilities.VersionText, (await service.VersionAsync(new VersionRequest())).Version);

        // Waits of each type.
        foreach ((WaitType type, string flag) in ((WaitType, string)[])
        [
            (WaitType.Checkpoint, "--checkpoint"), (WaitType.Restore, "--restore"),
            (WaitType.Fscheckpoint, "--fscheckpoint"), (WaitType.Fsrestore, "--fsrestore"),
        ])
        {
            runsc.HoldWaits();
            AsyncUnaryCall<WaitResponse> wait = service.WaitAsync(new WaitRequest { Id = "c", WaitType = type });
            await Eventually.TrueAsync($"runsc waits with {flag}", () => runsc.Calls[^1] == $"wait {flag} c+");
            Assert.False(wait.ResponseAsync.IsCompleted);
            runsc.EndWaits();
            Assert.Equal(0, (await wait).ExitStatus);
        }

        // Of file systems alone.
        string fileSystems = Path.Combine(shim.Directory, "fs");
        await service.CheckpointAsync(new CheckpointRequest
        {
            Id = "c",
            ImagePath = fileSystems,
            FsCheckpoint = true,
            FsPath = "all-tmpfs",
            Direct = true,
            LeaveRunning = true,
        });
        Assert.Matches(
            $"^fscheckpoint --image-path={fileSystems}/\\.incomplete-[0-9a-f]+ --leave-running --direct "
            + "--path=all-tmpfs c\\+$", runsc.Calls[^1]);
        Assert.Equal(["fscheckpoint.json", "multitar.img", "pages.img", "pages_meta.img", "shim.json"],
            Directory.GetFiles(fileSystems).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        await AssertCodeAsync(StatusCode.AlreadyExists, "already holds an image (checkpoint.img)",
            service.CheckpointAsync(
                new CheckpointRequest { Id = "c", ImagePath = image, FsCheckpoint = true, LeaveRunning = true }));
        await AssertCodeAsync(StatusCode.AlreadyExists, "already holds an image (multitar.img)",
            service.CheckpointAsync(
                new CheckpointRequest { Id = "c", ImagePath = fileSystems, FsCheckpoint = true, LeaveRunning = true }));
        await AssertCodeAsync(StatusCode.InvalidArgument, "fs_path",
            service.CheckpointAsync(new CheckpointRequest { Id = "c", ImagePath = fileSystems + "2", FsPath = "/x" }));
        await AssertCodeAsync(
            StatusCode.NotFound, "container x not found", service.StateAsync(new StateRequest { Id = "x" }));

        // An exit, of a process and of the container. What is asked for once is remembered.
        AsyncUnaryCall<WaitResponse> exit = service.WaitAsync(new WaitRequest { Id = "c" });
        AsyncUnaryCall<WaitResponse> first = service.WaitAsync(new WaitRequest { Id = "c", Pid = 1 });
        await Eventually.TrueAsync("runsc waits for the process", () => runsc.Calls[^1] == "wait --pid 1 c+");
        await service.CheckpointAsync(new CheckpointRequest
        {
            Id = "c",
            ImagePath = Path.Combine(shim.Directory, "last")
        });
        Assert.Equal(0, (await exit).ExitStatus);
        await Assert.ThrowsAnyAsync<RpcException>(async () => await first);
        Assert.Equal("stopped", (await service.StateAsync(new StateRequest { Id = "c" })).State);
        Assert.Equal(["help checkpoint", "help wait", "help fscheckpoint"],
            runsc.Calls.Where(static call => call.StartsWith("help ", StringComparison.Ordinal)));
        await shim.Tasks.DeleteAsync(new Tasks.DeleteRequest { Id = "c" });
        await shim.Tasks.ShutdownAsync(new Tasks.ShutdownRequest { Id = "c" });
        await shim.Exited.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.False(File.Exists(Path.Combine(shim.RunscRoot, "c_sandbox.sock")));
    }

    [Fact]
    public async Task Options_that_runsc_lacks_are_rejected_by_name_and_the_container_keeps_running()
    {
        Assert.SkipWhen(RunscCapabilities.HasCommand("fscheckpoint"), "this runsc knows all of it");
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await RunAsync(shim);
        GvisorApi.TaskServiceClient service = new(shim.Channel);
        string image = Path.Combine(shim.Directory, "image");
        CheckpointRequest request = new() { Id = "c", ImagePath = image, LeaveRunning = true };
        foreach ((Action<CheckpointRequest> with, string what) in ((Action<CheckpointRequest>, string)[])
        [
            (static r => r.CudaCheckpointPath = "/bin/cuda", "checkpoint --cuda-checkpoint-path"),
            (static r => r.CudaCheckpointSequential = true, "checkpoint --cuda-checkpoint-sequential"),
            (static r => r.SaveRestoreExecArgv = "/bin/x", "checkpoint --save-restore-exec-argv"),
            (static r => r.SaveRestoreExecTimeout = "3s", "checkpoint --save-restore-exec-timeout"),
            (static r => r.FsCheckpoint = true, "fscheckpoint"),
        ])
        {
            CheckpointRequest asked = request.Clone();
            with(asked);
            await AssertCodeAsync(StatusCode.Unimplemented,
                $"runsc {what} is not supported by {Tools.Runsc}, version {RunscCapabilities.Version}; "
                + "it needs a newer release of gVisor",
                service.CheckpointAsync(asked));
        }
        foreach ((WaitType type, string flag) in ((WaitType, string)[])
            [(WaitType.Checkpoint, "--checkpoint"), (WaitType.Restore, "--restore"),
                (WaitType.Fscheckpoint, "--fscheckpoint")])
            await AssertCodeAsync(StatusCode.Unimplemented, $"runsc wait {flag} is not supported",
                service.WaitAsync(new WaitRequest { Id = "c", WaitType = type }));
        await AssertCodeAsync(StatusCode.InvalidArgument, "unknown wait type 9",
            service.WaitAsync(new WaitRequest { Id = "c", WaitType = (WaitType)9 }));
        Assert.False(Directory.Exists(image));
        Assert.False(File.Exists(Path.Combine(shim.RunscRoot, "c_sandbox.sock")));
        await Counter.AboveAsync(shim, "c", await Counter.AboveAsync(shim, "c", 0));

        // What runsc supports works.
        await service.CheckpointAsync(new CheckpointRequest
        {
            Id = "c",
            ImagePath = image,
            LeaveRunning = true,
            Compression = "none",
            Direct = true
        });
        Assert.Contains(Path.Combine(image, "pages.img"), Directory.GetFiles(image));
        Assert.StartsWith("runsc version ", (await service.VersionAsync(new VersionRequest())).Version,
            StringComparison.Ordinal);
    }

    private static async Task RunAsync(ShimHarness shim)
    {
        shim.WriteBundle("c", ["sh", "-c", Counter.Script]);
        await shim.Tasks.CreateAsync(new CreateTaskRequest { Id = "c", Bundle = shim.Bundle, Options = shim.Options });
        await shim.Tasks.StartAsync(new Tasks.StartRequest { Id = "c" });
        await Counter.AboveAsync(shim, "c", 3);
    }
}
