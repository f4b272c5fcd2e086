using Containerd.Api.Gvisor;
using Grpc.Core;
using Shim.Configuration;
using Shim.Containers;
using Shim.Runsc;
using CheckpointRequest = Containerd.Api.Gvisor.CheckpointRequest;

namespace Shim.Service;

/// <summary>
/// gVisor's own task service: checkpoints with every option of runsc, for clients other than containerd.
/// </summary>
/// <remarks>One class turns the methods' exceptions into statuses: <see cref="ErrorMapping"/>.</remarks>
internal sealed class GvisorTaskService(ShimContext shim, ContainerStore store)
    : Containerd.Api.Gvisor.TaskService.TaskServiceBase
{
    /// <summary>The maximum number of waits that run a runsc process each.</summary>
    private const int ProcessWaitLimit = 32;

    private int _processWaits;

    /// <inheritdoc/>
    public override async Task<CheckpointResponse> Checkpoint(CheckpointRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        if (request.FsPath.Length > 0 && !request.FsCheckpoint)
            throw new RefusedException(Refusal.InvalidArgument,
                $"fs_path \"{request.FsPath}\" needs fs_checkpoint: a complete checkpoint has no path");
        CheckpointSettings defaults = container.CheckpointDefaults;
        await container.CheckpointAsync(new Sandboxes.CheckpointRequest(request.ImagePath, defaults with
        {
            LeaveRunning = request.LeaveRunning,
            Direct = request.Direct || defaults.Direct,
            Compression = request.Compression.Length > 0 ? request.Compression : defaults.Compression,
            ExcludeCommittedZeroPages = request.ExcludeCommittedZeroPages || defaults.ExcludeCommittedZeroPages,
            SaveRestoreExecArgv = request.SaveRestoreExecArgv,
            SaveRestoreExecTimeout = request.SaveRestoreExecTimeout,
            CudaCheckpointPath = request.CudaCheckpointPath,
            CudaCheckpointSequential = request.CudaCheckpointSequential,
            WorkPath = request.WorkPath,
        })
        {
            FileSystems = request.FsCheckpoint
                ? new FileSystemCheckpointSettings
                {
                    LeaveRunning = request.LeaveRunning,
                    Direct = request.Direct || defaults.Direct,
                    Path = request.FsPath,
                }
                : null,
            Debug = DebugOf(request.Debug),
        });
        return new CheckpointResponse();
    }

    /// <inheritdoc/>
    public override async Task<WaitResponse> Wait(WaitRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        WaitFor what = request.WaitType switch
        {
            WaitRequest.Types.WaitType.Unknown => WaitFor.Exit,
            WaitRequest.Types.WaitType.Checkpoint => WaitFor.Checkpoint,
            WaitRequest.Types.WaitType.Restore => WaitFor.Restore,
            WaitRequest.Types.WaitType.Fscheckpoint => WaitFor.FileSystemCheckpoint,
            WaitRequest.Types.WaitType.Fsrestore => WaitFor.FileSystemRestore,
            _ => throw new RefusedException(Refusal.InvalidArgument, $"unknown wait type {(int)request.WaitType}"),
        };
        if (what == WaitFor.Exit && request is { Pid: 0, RootPid: 0, Debug: null })
        {
            // The shim knows the exit, or learns of it before runsc could report it.
            ProcessEnd end = await container.Init.Ended.WaitAsync(context.CancellationToken);
            return new WaitResponse { ExitStatus = end.Status };
        }
        if (_processWaits >= ProcessWaitLimit)
            throw new RpcException(new Status(StatusCode.ResourceExhausted,
                $"too many Wait calls: {_processWaits} that run a runsc process each are pending"));
        _processWaits++;
        try
        {
            return new WaitResponse
            {
                ExitStatus = await container.WaitForAsync(
                    what, request.Pid, request.RootPid, DebugOf(request.Debug), context.CancellationToken),
            };
        }
        finally
        {
            _processWaits--;
        }
    }

    /// <inheritdoc/>
    public override async Task<StateResponse> State(StateRequest request, ServerCallContext context)
    {
        Container container = store.Get(request.Id);
        // The answer is the shim's own. runsc is run only to write a debug log, if one is requested.
        if (DebugOf(request.Debug) is { } debug)
            await WriteDebugLogAsync(container, debug);
        return new StateResponse
        {
            Id = container.Id,
            State = container.IsBeingRestored ? "restoring" : ProcessLifecycle.NameOf(container.Init.State),
            Pid = container.Init.Pid,
        };
    }

    /// <inheritdoc/>
    public override async Task<VersionResponse> Version(VersionRequest request, ServerCallContext context)
    {
        foreach (Container container in store.All)
            return new VersionResponse { Version = await container.RunscVersionAsync() };
        ShimConfiguration configuration = await shim.Blocking.RunAsync(
            "read", "the shim's configuration", static () => ConfigurationFile.ReadDefault([]));
        var settings = new RunscSettings
        {
            Binary = configuration.BinaryName,
            Root = Path.Combine(configuration.Root, shim.Namespace),
            Flags = new Dictionary<string, string>(),
        };
        return new VersionResponse
        {
            Version = await new RunscRunner(shim.Processes, shim.Time, settings).VersionTextAsync(),
        };
    }

    private async Task WriteDebugLogAsync(Container container, DebugSettings debug)
    {
        try
        {
            await container.WriteDebugStateAsync(debug);
        }
        catch (RunscException e)
        {
            // The answer does not need the debug log.
            shim.Log.DebugLogFailed(container.Id, e);
        }
    }

    private static DebugSettings? DebugOf(Debug? debug) =>
        debug is null ? null : new DebugSettings(debug.DebugLog, debug.DebugLogFd);
}
