using Containerd.Api.Runc;
using Containerd.Api.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Containers;
using Shim.Io;
using Shim.Logging;
using Shim.Sandboxes;
using Status = Containerd.Api.Tasks.Status;
using TaskApi = Containerd.Api.Tasks.Task;

namespace Shim.Service;

/// <summary>The task service: translates between containerd's messages and the shim's containers.</summary>
/// <remarks>
/// One class turns the methods' exceptions into statuses: <see cref="ErrorMapping"/>. Protobuf types stop here.
/// </remarks>
internal sealed class TaskService(
    ContainerCreator creator, ContainerStore store, ShimLog log, BlockingCalls blocking, CgroupMode cgroups,
    Func<ShimConfiguration, System.Threading.Tasks.Task> configure, Action shutdown)
    : TaskApi.TaskBase
{
    /// <summary>
    /// ttrpc cannot cancel a call, so the Wait of a client that gave up stays pending on containerd's one connection.
    /// Such calls must not use up the number of pending calls that a connection may have.
    /// </summary>
    private const int WaitLimit = 2048;

    /// <summary>SIGRTMAX.</summary>
    private const uint LastSignal = 64;

    private static readonly Task<Empty> s_empty = System.Threading.Tasks.Task.FromResult(new Empty());

    private int _waits;

    /// <inheritdoc/>
    public override async Task<CreateTaskResponse> Create(CreateTaskRequest request, ServerCallContext context)
    {
        List<MountSpec> rootfs = [];
        foreach (Containerd.Api.Types.Mount mount in request.Rootfs)
            rootfs.Add(new MountSpec
            {
                Type = mount.Type,
                Source = mount.Source,
                Target = mount.Target,
                Options = [.. mount.Options],
            });
        Container container = await creator.CreateAsync(new CreateRequest(
            request.Id, new Bundle(request.Bundle), rootfs,
            new StdioRequest(request.Stdin, request.Stdout, request.Stderr, request.Terminal),
            ShimConfiguration.Default, request.Checkpoint.Length > 0 ? request.Checkpoint : null),
            () => ConfigureAsync(request.Options), context.CancellationToken);
        return new CreateTaskResponse { Pid = (uint)container.Init.Pid };
    }

    /// <inheritdoc/>
    public override async Task<StartResponse> Start(StartRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        int pid = request.ExecId.Length == 0
            ? await container.StartAsync()
            : await container.StartExecAsync(request.ExecId);
        return new StartResponse { Pid = (uint)pid };
    }

    /// <inheritdoc/>
    public override Task<StateResponse> State(StateRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        ContainerProcess process = container.Process(request.ExecId);
        var response = new StateResponse
        {
            Id = request.Id,
            Bundle = container.Bundle.Path,
            Pid = (uint)process.Pid,
            // Also while it waits for the rest of its image: the CRI kills a sandbox that does not run.
            Status = StatusOf(process.State),
            Stdin = process.Request.Stdin,
            Stdout = process.Request.Stdout,
            Stderr = process.Request.Stderr,
            Terminal = process.Request.Terminal,
            ExecId = request.ExecId,
        };
        if (process.End is { } end)
        {
            response.ExitStatus = (uint)end.Status;
            response.ExitedAt = Timestamp.FromDateTimeOffset(end.At);
        }
        return System.Threading.Tasks.Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override async Task<WaitResponse> Wait(WaitRequest request, ServerCallContext context)
    {
        Task<ProcessEnd> ended = store.Get(request.Id).Process(request.ExecId).Ended;
        if (!ended.IsCompleted && _waits >= WaitLimit)
            throw new RpcException(new Grpc.Core.Status(
                StatusCode.ResourceExhausted, $"too many Wait calls: {_waits} are pending"));
        _waits++;
        try
        {
            // Cancelled when the connection ends.
            ProcessEnd end = await ended.WaitAsync(context.CancellationToken);
            return new WaitResponse { ExitStatus = (uint)end.Status, ExitedAt = Timestamp.FromDateTimeOffset(end.At) };
        }
        finally
        {
            _waits--;
        }
    }

    /// <inheritdoc/>
    public override async Task<DeleteResponse> Delete(DeleteRequest request, ServerCallContext context)
    {
        int pid;
        ProcessEnd end;
        if (request.ExecId.Length == 0)
        {
            Container container = store.GetToDelete(request.Id);
            pid = container.Init.Pid;
            end = await container.DeleteAsync();
        }
        else
            (end, pid) = await store.Get(request.Id).DeleteExecAsync(request.ExecId);
        return new DeleteResponse
        {
            Pid = (uint)pid,
            ExitStatus = (uint)end.Status,
            ExitedAt = Timestamp.FromDateTimeOffset(end.At),
        };
    }

    /// <inheritdoc/>
    public override Task<PidsResponse> Pids(PidsRequest request, ServerCallContext context)
    {
        var response = new PidsResponse();
        foreach ((int pid, string execId) in store.Get(request.Id).Processes())
        {
            var info = new ProcessInfo { Pid = (uint)pid };
            if (execId.Length > 0)
                info.Info = new Any
                {
                    TypeUrl = "containerd.runc.v1.ProcessDetails",
                    Value = new ProcessDetails { ExecId = execId }.ToByteString(),
                };
            response.Processes.Add(info);
        }
        return System.Threading.Tasks.Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override async Task<Empty> Pause(PauseRequest request, ServerCallContext context)
    {
        await store.Get(request.Id).PauseAsync();
        return new Empty();
    }

    /// <inheritdoc/>
    public override async Task<Empty> Resume(ResumeRequest request, ServerCallContext context)
    {
        await store.Get(request.Id).ResumeAsync();
        return new Empty();
    }

    /// <inheritdoc/>
    public override async Task<Empty> Kill(KillRequest request, ServerCallContext context)
    {
        if (request.Signal is 0 or > LastSignal)
            throw new RefusedException(Refusal.InvalidArgument, $"invalid signal {request.Signal}");
        await store.Get(request.Id).KillAsync(request.ExecId, (int)request.Signal, request.All);
        return new Empty();
    }

    /// <inheritdoc/>
    public override Task<Empty> Exec(ExecProcessRequest request, ServerCallContext context)
    {
        store.Get(request.Id).AddExec(request.ExecId, request.Spec?.Value.Memory ?? default,
            new StdioRequest(request.Stdin, request.Stdout, request.Stderr, request.Terminal));
        return s_empty;
    }

    /// <inheritdoc/>
    public override Task<Empty> ResizePty(ResizePtyRequest request, ServerCallContext context)
    {
        ContainerProcess process = store.Get(request.Id).Process(request.ExecId);
        if (request.Width > ushort.MaxValue || request.Height > ushort.MaxValue)
            throw new RefusedException(
                Refusal.InvalidArgument, $"{process}: terminal size {request.Width}x{request.Height} out of range");
        process.Stdio.Resize((int)request.Width, (int)request.Height);
        return s_empty;
    }

    /// <inheritdoc/>
    public override Task<Empty> CloseIO(CloseIORequest request, ServerCallContext context)
    {
        ContainerProcess process = store.Get(request.Id).Process(request.ExecId);
        if (request.Stdin)
            process.Stdio.CloseStdin();
        return s_empty;
    }

    /// <inheritdoc/>
    public override async Task<Empty> Update(UpdateTaskRequest request, ServerCallContext context)
    {
        await store.Get(request.Id).UpdateAsync(request.Resources?.Value.Memory ?? default);
        return new Empty();
    }

    /// <inheritdoc/>
    public override async Task<StatsResponse> Stats(StatsRequest request, ServerCallContext context)
    {
        ContainerUsage usage = await store.Get(request.Id).UsageAsync();
        return new StatsResponse { Stats = cgroups == CgroupMode.Unified ? Metrics.ToV2(usage) : Metrics.ToV1(usage) };
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A restarted containerd asks this first. Answered with an error it forgets the shim, which then nobody ends; told
    /// that there is no process it goes on, finds no container, and asks for a shutdown.
    /// </remarks>
    public override Task<ConnectResponse> Connect(ConnectRequest request, ServerCallContext context) =>
        System.Threading.Tasks.Task.FromResult(new ConnectResponse
        {
            ShimPid = (uint)Environment.ProcessId,
            TaskPid = (uint)(store.TryGet(request.Id)?.Init.Pid ?? 0),
            Version = "2",
        });

    /// <inheritdoc/>
    public override async Task<Empty> Checkpoint(CheckpointTaskRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        CheckpointOptions options = CheckpointOptionsOf(request.Options);
        await container.CheckpointAsync(new CheckpointRequest(request.Path,
            container.CheckpointDefaults with { LeaveRunning = !options.Exit, WorkPath = options.WorkPath }));
        return new Empty();
    }

    /// <inheritdoc/>
    public override Task<Empty> Shutdown(ShutdownRequest request, ServerCallContext context)
    {
        // In a pod containerd calls this after each container; the shim ends after the last.
        if (store.Count > 0)
            log.ShutdownDeferred(store.Count);
        store.ShutDown(request.Id, shutdown);
        return s_empty;
    }

    private async Task<ShimConfiguration> ConfigureAsync(Any? options)
    {
        List<string> warnings = [];
        ShimConfiguration configuration = await blocking.RunAsync(
            "read", "the shim's configuration", () => RuntimeOptions.Read(options, warnings));
        await configure(configuration);
        foreach (string warning in warnings)
            log.ConfigurationWarning(warning);
        return configuration;
    }

    private static CheckpointOptions CheckpointOptionsOf(Any? options)
    {
        string typeUrl = options?.TypeUrl ?? "";
        return typeUrl[(typeUrl.LastIndexOf('/') + 1)..] switch
        {
            "" => new CheckpointOptions(),
            "containerd.runc.v1.CheckpointOptions" => CheckpointOptions.Parser.ParseFrom(options!.Value),
            _ => throw new RefusedException(
                Refusal.InvalidArgument, $"checkpoint options of type {typeUrl} are not supported"),
        };
    }

    private static Status StatusOf(ProcessState state) => state switch
    {
        ProcessState.Created => Status.Created,
        ProcessState.Running => Status.Running,
        ProcessState.Paused => Status.Paused,
        _ => Status.Stopped,
    };
}
