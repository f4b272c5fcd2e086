using Containerd.Api.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;
using TaskApi = Containerd.Api.Tasks.Task;

namespace EndToEnd;

/// <summary>The task service itself, with the test in containerd's place and a real runsc.</summary>
public class TaskServiceTests
{
    [Fact]
    public async Task The_life_of_a_container_from_create_to_shutdown()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        shim.WriteBundle("c", ["sh", "-c", "exit 3"]);
        TaskApi.TaskClient tasks = shim.Tasks;
        uint pid =
            (await tasks.CreateAsync(new CreateTaskRequest { Id = "c", Bundle = shim.Bundle, Options = shim.Options }))
                .Pid;
        StateResponse state = await tasks.StateAsync(new StateRequest { Id = "c" });
        Assert.Equal((Status.Created, pid, shim.Bundle), (state.Status, state.Pid, state.Bundle));
        Assert.Equal([pid],
            (await tasks.PidsAsync(new PidsRequest { Id = "c" })).Processes.Select(process => process.Pid));
        ConnectResponse connect = await tasks.ConnectAsync(new ConnectRequest { Id = "c" });
        Assert.Equal(((uint)shim.Pid, pid), (connect.ShimPid, connect.TaskPid));

        // Two wait before it starts, one after it has ended.
        AsyncUnaryCall<WaitResponse> first = tasks.WaitAsync(new WaitRequest { Id = "c" }),
            second = tasks.WaitAsync(new WaitRequest { Id = "c" });
        Assert.Equal(pid, (await tasks.StartAsync(new StartRequest { Id = "c" })).Pid);
        Assert.Equal((3u, 3u), ((await first).ExitStatus, (await second).ExitStatus));
        Assert.Equal((await first).ExitedAt, (await tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitedAt);
        state = await tasks.StateAsync(new StateRequest { Id = "c" });
        Assert.Equal((Status.Stopped, 3u), (state.Status, state.ExitStatus));
        DeleteResponse deleted = await tasks.DeleteAsync(new DeleteRequest { Id = "c" });
        Assert.Equal((3u, pid), (deleted.ExitStatus, deleted.Pid));
        await AssertCodeAsync(StatusCode.NotFound, tasks.StateAsync(new StateRequest { Id = "c" }));
        Assert.Equal(["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"], await shim.TopicsAsync(4));
        Assert.All(shim.Events, envelope => Assert.Equal("test", envelope.Namespace));

        await tasks.ShutdownAsync(new ShutdownRequest { Id = "c" });
        await shim.Exited.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, shim.ExitCode);
        Assert.False(File.Exists(shim.Socket), "the socket is removed");
    }

    [Fact]
    public async Task Version_3_of_the_service_is_the_same()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await CreateAsync(shim);
        var marshaller = new Method<StateRequest, StateResponse>(MethodType.Unary, "containerd.task.v3.Task", "State",
            Marshallers.Create(message => message.ToByteArray(), StateRequest.Parser.ParseFrom),
            Marshallers.Create(message => message.ToByteArray(), StateResponse.Parser.ParseFrom));
        StateResponse state = await shim.Channel.AsyncUnaryCall(marshaller, null, default,
            new StateRequest { Id = "c" });
        Assert.Equal(Status.Created, state.Status);
        var unknown = new Method<StateRequest, StateResponse>(MethodType.Unary, "containerd.task.v4.Task", "State",
            marshaller.RequestMarshaller, marshaller.ResponseMarshaller);
        await AssertCodeAsync(StatusCode.Unimplemented,
            shim.Channel.AsyncUnaryCall(unknown, null, default, new StateRequest()));
    }

    [Fact]
    public async Task Unknown_containers_and_execs_are_not_found()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await AssertCodeAsync(StatusCode.NotFound, tasks.StateAsync(new StateRequest { Id = "nobody" }));
        await AssertCodeAsync(StatusCode.NotFound, tasks.KillAsync(new KillRequest { Id = "nobody", Signal = 9 }));
        await AssertCodeAsync(StatusCode.NotFound, tasks.DeleteAsync(new DeleteRequest { Id = "nobody" }));
        // A restarted containerd asks this before all else, and forgets a shim that refuses.
        foreach (string id in (string[])["nobody", ""])
        {
            ConnectResponse connected = await tasks.ConnectAsync(new ConnectRequest { Id = id });
            Assert.Equal((uint)shim.Pid, connected.ShimPid);
            Assert.Equal(0u, connected.TaskPid);
        }
        await CreateAsync(shim);
        await AssertCodeAsync(StatusCode.NotFound, tasks.StateAsync(new StateRequest { Id = "c", ExecId = "nobody" }));
        await AssertCodeAsync(StatusCode.NotFound, tasks.StartAsync(new StartRequest { Id = "c", ExecId = "nobody" }));
    }

    [Fact]
    public async Task Create_rejects_invalid_requests_and_leaves_nothing()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        var request = new CreateTaskRequest
        {
            Id = "c",
            Bundle = shim.Bundle,
            Options = new Any { TypeUrl = "example.Options" }
        };
        RpcException refused = await AssertCodeAsync(StatusCode.InvalidArgument, tasks.CreateAsync(request));
        Assert.Contains("example.Options", refused.Status.Detail, StringComparison.Ordinal);
        request.Options = shim.Options;
        request.Stdout = "carrier-pigeon:///roof";
        await AssertCodeAsync(StatusCode.InvalidArgument, tasks.CreateAsync(request));
        request.Stdout = "/no/such/fifo";
        await AssertCodeAsync(StatusCode.Unknown, tasks.CreateAsync(request));
        request.Stdout = "";
        request.Id = "../escape";
        await AssertCodeAsync(StatusCode.InvalidArgument, tasks.CreateAsync(request));
        request.Id = "c";
        // Nothing is left of those that failed, so the same id can be made now, and only once.
        Assert.Equal(["config.json", "rootfs"],
            Directory.EnumerateFileSystemEntries(shim.Bundle).Select(Path.GetFileName).Order());
        await tasks.CreateAsync(request);
        await AssertCodeAsync(StatusCode.AlreadyExists, tasks.CreateAsync(request));
    }

    [Fact]
    public async Task A_mount_that_fails_undoes_the_earlier_mounts()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        var request = new CreateTaskRequest { Id = "c", Bundle = shim.Bundle, Options = shim.Options };
        request.Rootfs.Add(new Containerd.Api.Types.Mount { Type = "tmpfs", Source = "tmpfs" });
        request.Rootfs.Add(new Containerd.Api.Types.Mount { Type = "nosuchfs", Source = "none" });
        RpcException failed = await AssertCodeAsync(StatusCode.Unknown, shim.Tasks.CreateAsync(request));
        Assert.Contains("mount", failed.Status.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain(shim.Directory, await File.ReadAllTextAsync("/proc/self/mountinfo",
            TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signals_to_created_and_stopped_containers()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        shim.WriteBundle("c", ["true"]);
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        await AssertCodeAsync(StatusCode.FailedPrecondition,
            tasks.KillAsync(new KillRequest { Id = "c", Signal = 10 }));
        await tasks.StartAsync(new StartRequest { Id = "c" });
        await tasks.WaitAsync(new WaitRequest { Id = "c" });
        await AssertCodeAsync(StatusCode.NotFound, tasks.KillAsync(new KillRequest { Id = "c", Signal = 10 }));
        await AssertCodeAsync(StatusCode.NotFound, tasks.KillAsync(new KillRequest { Id = "c", Signal = 15 }));
        await AssertCodeAsync(StatusCode.NotFound,
            tasks.KillAsync(new KillRequest { Id = "c", Signal = 9, All = true }));
        await AssertCodeAsync(StatusCode.FailedPrecondition, tasks.StartAsync(new StartRequest { Id = "c" }));
        await AssertCodeAsync(StatusCode.FailedPrecondition, tasks.PauseAsync(new PauseRequest { Id = "c" }));
    }

    [Fact]
    public async Task A_running_container_cannot_be_deleted()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        await tasks.StartAsync(new StartRequest { Id = "c" });
        await AssertCodeAsync(StatusCode.FailedPrecondition, tasks.DeleteAsync(new DeleteRequest { Id = "c" }));
        await tasks.ShutdownAsync(new ShutdownRequest { Id = "c" });
        Assert.Equal(Status.Running, (await tasks.StateAsync(new StateRequest { Id = "c" })).Status);
    }

    [Fact]
    public async Task The_life_of_an_exec()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        await AssertCodeAsync(StatusCode.FailedPrecondition, shim.ExecAsync("c", "early", "true"));
        await tasks.StartAsync(new StartRequest { Id = "c" });
        await shim.ExecAsync("c", "e", "sh", "-c", "exit 7");
        await AssertCodeAsync(StatusCode.AlreadyExists, shim.ExecAsync("c", "e", "true"));
        await AssertCodeAsync(StatusCode.InvalidArgument, shim.ExecAsync("c", "../e", "true"));
        Assert.Equal(Status.Created, (await tasks.StateAsync(new StateRequest { Id = "c", ExecId = "e" })).Status);
        AsyncUnaryCall<WaitResponse> wait = tasks.WaitAsync(new WaitRequest { Id = "c", ExecId = "e" });
        await tasks.StartAsync(new StartRequest { Id = "c", ExecId = "e" });
        Assert.Equal(7u, (await wait).ExitStatus);
        Assert.Equal(7u, (await tasks.DeleteAsync(new DeleteRequest { Id = "c", ExecId = "e" })).ExitStatus);
        await AssertCodeAsync(StatusCode.NotFound, tasks.StateAsync(new StateRequest { Id = "c", ExecId = "e" }));
        Assert.DoesNotContain(Directory.EnumerateFiles(shim.Bundle),
            path => Path.GetFileName(path).StartsWith("exec-", StringComparison.Ordinal));

        await shim.ExecAsync("c", "never", "true");
        await tasks.KillAsync(new KillRequest { Id = "c", ExecId = "never", Signal = 9 });
        Assert.Equal(137u, (await tasks.DeleteAsync(new DeleteRequest { Id = "c", ExecId = "never" })).ExitStatus);
    }

    [Fact]
    public async Task Limits_are_written_to_the_cgroup()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        uint pid = await CreateAsync(shim);
        await tasks.StartAsync(new StartRequest { Id = "c" });
        var resources = new Any
        {
            TypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources",
            Value = ByteString.CopyFromUtf8(
                """{"memory":{"limit":536870912},"cpu":{"shares":512,"quota":50000,"period":100000}}"""),
        };
        await tasks.UpdateAsync(new UpdateTaskRequest { Id = "c", Resources = resources });
        Linux.Cgroup group = Linux.Cgroup.OfProcess(Linux.CgroupHierarchies.Read(), (int)pid);
        string Read(string controller, string v1, string v2) => File.ReadAllText(group.Mode == Linux.CgroupMode.Unified
            ? Path.Combine(group.UnifiedDirectory!, v2) : Path.Combine(group.DirectoryOf(controller)!, v1)).Trim();
        Assert.Equal("536870912", Read("memory", "memory.limit_in_bytes", "memory.max"));
        Assert.Contains(Read("cpu", "cpu.cfs_quota_us", "cpu.max"), (string[])["50000", "50000 100000"]);
        resources.Value = ByteString.CopyFromUtf8("[]");
        await AssertCodeAsync(StatusCode.InvalidArgument,
            tasks.UpdateAsync(new UpdateTaskRequest { Id = "c", Resources = resources }));
    }

    [Fact]
    public async Task SIGTERM_ends_the_shim_and_SIGUSR1_logs_its_state()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        await CreateAsync(shim);
        Linux.Signals.Send(shim.Pid, Linux.Signals.SIGUSR1);
        await Eventually.TrueAsync("the state is in the log",
            () => shim.Log.Contains("container c: created", StringComparison.Ordinal));
        Linux.Signals.Send(shim.Pid, Linux.Signals.SIGTERM);
        await shim.Exited.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, shim.ExitCode);
    }

    [Fact]
    public async Task A_checkpoint_is_written_and_the_task_keeps_running()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        await tasks.StartAsync(new StartRequest { Id = "c" });
        await AssertCodeAsync(StatusCode.InvalidArgument,
            tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = "relative" }));
        string image = Path.Combine(shim.Directory, "image");
        await tasks.CheckpointAsync(new CheckpointTaskRequest { Id = "c", Path = image });
        Assert.NotEmpty(Directory.EnumerateFiles(image));
        Assert.Equal(Status.Running, (await tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        Assert.Equal("/tasks/checkpointed", (await shim.TopicsAsync(3))[2]);
    }

    [Fact]
    public async Task Calls_on_one_container_do_not_wait_for_another()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        shim.WriteBundle("d", ["sleep", "1000"]);
        AsyncUnaryCall<CreateTaskResponse> slow = tasks.CreateAsync(
            new CreateTaskRequest { Id = "d", Bundle = shim.BundleOf("d"), Options = shim.Options });
        Assert.Equal(Status.Created, (await tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        Assert.False(slow.ResponseAsync.IsCompleted, "a State is answered while a Create is under way");
        await slow;
    }

    [Fact]
    public async Task A_sandbox_that_hangs_can_be_killed()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        uint sandbox = await CreateAsync(shim);
        await tasks.StartAsync(new StartRequest { Id = "c" });
        const int SIGSTOP = 19;
        Linux.Signals.Send((int)sandbox, SIGSTOP);
        await Eventually.TrueAsync("all threads of the sandbox are stopped", () => Directory
            .EnumerateDirectories($"/proc/{sandbox}/task")
            .All(static task => File.ReadAllText($"{task}/stat").Contains(") T ", StringComparison.Ordinal)));
        Assert.Equal([sandbox],
            (await tasks.PidsAsync(new PidsRequest { Id = "c" })).Processes.Select(process => process.Pid));
        await tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(137u, (await tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
        await tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    [Fact]
    public async Task Too_many_waits_are_rejected_and_other_calls_are_answered()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        TaskApi.TaskClient tasks = shim.Tasks;
        await CreateAsync(shim);
        await tasks.StartAsync(new StartRequest { Id = "c" });
        List<AsyncUnaryCall<WaitResponse>> waits = [];
        for (int i = 0; i < 3000; i++)
            waits.Add(tasks.WaitAsync(new WaitRequest { Id = "c" }));
        await AssertCodeAsync(StatusCode.ResourceExhausted, waits[^1]);
        Assert.Equal(Status.Running, (await tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        await tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(137u, (await waits[0]).ExitStatus);
    }

    internal static async Task<uint> CreateAsync(ShimHarness shim) => (await shim.Tasks.CreateAsync(
        new CreateTaskRequest { Id = "c", Bundle = shim.Bundle, Options = shim.Options })).Pid;

    internal static async Task<RpcException> AssertCodeAsync<T>(StatusCode code, AsyncUnaryCall<T> call)
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.True(code == error.StatusCode, $"expected {code}, got {error.Status}");
        return error;
    }
}
