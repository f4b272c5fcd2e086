using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Events;
using Shim.Io;
using Shim.Logging;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>A container and the operations on it. Made by <see cref="ContainerCreator"/>.</summary>
/// <remarks>
/// Operations on a process run in order (<see cref="ContainerProcess.Operations"/>); its exit is one of them, so that
/// no exit event precedes a start event. Queries do not wait for operations.
/// </remarks>
internal sealed partial class Container : ISandboxMember
{
    /// <summary>The exit status of a first process that never ran.</summary>
    private const int NeverRanStatus = 128;

    /// <summary>The exit status of a process that SIGKILL ended.</summary>
    private const int KilledStatus = 128 + Signals.SIGKILL;

    /// <summary>The exit status of a process whose sandbox is gone and did not report one.</summary>
    private const int LostStatus = KilledStatus;

    private readonly ShimContext _context;
    private readonly ContainerStore _store;
    private readonly string? _cgroupsPath;
    private readonly string? _ownCgroup;
    private readonly bool _hasOwnPidNamespace;
    private readonly StdioOwner _stdioOwner;
    private readonly RunscCommands _runsc;
    private readonly ContainerStatistics _statistics;
    private readonly int? _restorePlace;
    private readonly TaskCompletionSource _started = LoopTask.NewSource();
    private Cgroup? _cgroup;
    private ContainerUsage? _usage;
    private ulong _outOfMemoryKills;

    internal Container(ShimContext context, ContainerStore store, ContainerCreation creation, Sandbox sandbox,
        ContainerProcess init, int? restorePlace)
    {
        _context = context;
        _store = store;
        Id = creation.Request.Id;
        RunscId = creation.State.RunscId;
        Bundle = creation.Request.Bundle;
        Sandbox = sandbox;
        IsSandbox = creation.Spec.IsSandbox;
        Name = creation.Spec.Name;
        Init = init;
        CheckpointDefaults = DefaultsOf(creation.Request.Configuration.Checkpoint);
        _cgroupsPath = creation.Spec.CgroupsPath;
        _ownCgroup = creation.State.OwnCgroup;
        _statistics = new ContainerStatistics(sandbox, creation.State.RunscId, FindOwnCgroup, context.Time);
        _hasOwnPidNamespace = creation.Spec.HasOwnPidNamespace;
        _stdioOwner = creation.StdioOwner;
        _runsc = creation.Runsc;
        _restorePlace = restorePlace;
    }

    /// <inheritdoc/>
    public string Id { get; }

    /// <inheritdoc/>
    public string RunscId { get; }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public bool IsAlive => Init.State is ProcessState.Running or ProcessState.Paused;

    /// <inheritdoc/>
    public string StateName => ProcessLifecycle.NameOf(Init.State);

    /// <inheritdoc/>
    public string? RunningExec
    {
        get
        {
            foreach (Exec exec in _execs.Values)
                if (exec.Process.State == ProcessState.Running)
                    return exec.Process.ToString();
            return null;
        }
    }

    /// <summary>Its bundle.</summary>
    public Bundle Bundle { get; }

    /// <summary>The sandbox in which it runs.</summary>
    public Sandbox Sandbox { get; }

    /// <summary>Whether it is the first of its sandbox, which ends with it.</summary>
    public bool IsSandbox { get; }

    /// <summary>How images of it are written unless a request says otherwise.</summary>
    public CheckpointSettings CheckpointDefaults { get; }

    /// <summary>Whether it was started from an image, and waits for the other containers of its sandbox.</summary>
    public bool IsBeingRestored => Init.State == ProcessState.Running && Sandbox.Restore is { IsPending: true };

    /// <summary>Whether its first process has ended.</summary>
    public bool HasEnded => Init.State is ProcessState.Stopped or ProcessState.Deleted;

    /// <summary>Its first process.</summary>
    public ContainerProcess Init { get; }

    private ShimLog Log => _context.Log;

    /// <summary>Its first process, or the exec <paramref name="execId"/>.</summary>
    /// <exception cref="RefusedException">There is no such exec.</exception>
    public ContainerProcess Process(string execId) => execId.Length == 0 ? Init : FindExec(execId).Process;

    /// <summary>Starts the first process, from its beginning or from an image.</summary>
    /// <returns>The sandbox's process id.</returns>
    /// <exception cref="RunscException">runsc could not; the container has ended and can only be deleted.</exception>
    /// <exception cref="RefusedException">It is not waiting to be started.</exception>
    public Task<int> StartAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Start);
        Sandbox.RequireRunning($"start {Init}");
        SandboxRestore? restore = _restorePlace is null ? null : Sandbox.Restore;
        BeginRestore(restore);
        try
        {
            await Sandbox.ActAsync(() => StartInRunscAsync(restore));
            if (!IsSandbox)
                await Init.Stdio.HandedOverAsync();
        }
        catch (Exception e)
        {
            Log.StartFailed(Id, "", e);
            // One container less, and none of the others can ever run.
            restore?.Fail(e.Message);
            await CleanUpAfterFailedStartAsync();
            Init.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
            throw;
        }
        Init.Move(ProcessVerb.Start);
        Log.Started(Id, "");
        restore?.Restored(_restorePlace!.Value);
        _context.Events.Publish(TaskEvents.Started(Id, Init.Pid));
        _started.TrySetResult();
        return Init.Pid;
    });

    /// <summary>Pauses the container, and with it its whole sandbox.</summary>
    /// <exception cref="RefusedException">It does not run.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task PauseAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Pause);
        Sandbox.RequireRestored($"pause {Init}");
        await Sandbox.PauseAsync(this);
        Init.Move(ProcessVerb.Pause);
        _context.Events.Publish(TaskEvents.Paused(Id));
    });

    /// <summary>Resumes the paused container; its sandbox runs when none of its containers is paused.</summary>
    /// <remarks>
    /// Clients of containerd resume what they paused for a checkpoint, also if the checkpoint ended it.
    /// </remarks>
    /// <exception cref="RefusedException">It is not paused.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task ResumeAsync() => Init.Operations.RunAsync(async () =>
    {
        if (Sandbox.EndedByCheckpoint)
            return;
        Init.Check(ProcessVerb.Resume);
        await Sandbox.ResumeAsync(this);
        Init.Move(ProcessVerb.Resume);
        _context.Events.Publish(TaskEvents.Resumed(Id));
    });

    /// <summary>Writes an image of the whole sandbox.</summary>
    /// <inheritdoc cref="SandboxCheckpoint.WriteAsync(CheckpointRequest)"/>
    public Task CheckpointAsync(CheckpointRequest request) =>
        new SandboxCheckpoint(_context, Sandbox, this, Bundle, _runsc).WriteAsync(request);

    /// <summary>Deletes the container, which has ended or was never started.</summary>
    /// <returns>How it ended.</returns>
    /// <exception cref="RefusedException">It runs.</exception>
    /// <exception cref="RunscException">runsc could not delete it; it can be tried again.</exception>
    public Task<ProcessEnd> DeleteAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Delete);
        await RemoveFromRunscAsync();
        if (Init.State == ProcessState.Created)
            Init.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
        foreach (Exec exec in (List<Exec>)[.. _execs.Values])
            await EndAndRemoveExecAsync(exec);
        // The container is gone. What cannot be removed now, containerd's `delete` tries again.
        var cleanUp = new Undo(Id, Log);
        AddCleanUp(cleanUp);
        await cleanUp.RunAsync();
        Init.Move(ProcessVerb.Delete);
        if (_restorePlace is { } place)
            Sandbox.Restore!.Remove(place);
        Sandbox.Remove(this);
        await Sandbox.Limits.RemoveAsync(Id);
        _store.Remove(this);
        Log.Deleted(Id, "");
        ProcessEnd end = Init.End!.Value;
        _context.Events.Publish(TaskEvents.Deleted(Id, Init.Pid, end.Status, end.At));
        return end;
    });

    private Task StartInRunscAsync(SandboxRestore? restore)
    {
        // A checkpoint may have come first, and ended it.
        Sandbox.RequireRunning($"start {Init}");
        IReadOnlyList<Descriptor?> stdio = IsSandbox ? [] : Init.Stdio.Descriptors;
        return restore is null
            ? _runsc.StartAsync(RunscId, Bundle.RunscLog, stdio)
            : _runsc.RestoreAsync(RunscId, restore.Settings, Bundle.RunscLog, stdio);
    }

    /// <summary>The start of a container of an image waits for its turn; no other start may come between.</summary>
    private void BeginRestore(SandboxRestore? restore)
    {
        if (restore is null)
            Sandbox.RequireRestored($"start {Init}");
        else if (restore.IsPending)
            restore.Begin(_restorePlace!.Value);
        else
            throw new RefusedException(Refusal.WrongState,
                $"cannot start {Init}: its sandbox {Sandbox.Id} could not be restored from {restore.ImagePath}");
    }

    /// <summary>What Delete would do; it still comes, and finds nothing to do.</summary>
    private async Task CleanUpAfterFailedStartAsync()
    {
        var undo = new Undo(Id, Log);
        AddCleanUp(undo);
        undo.Add("remove the container from runsc", RemoveFromRunscAsync);
        await undo.RunAsync();
    }

    private void AddCleanUp(Undo undo)
    {
        // The runsc that was to delete the container may have been killed before, at this delete or an earlier kill.
        undo.Add("unmount the root file system", () => _context.Blocking.RunAsync("umount", Bundle.Rootfs,
            () => FileStores.UnmountAndRemoveFrom(Bundle.Rootfs, Sandbox.Id)));
        undo.Add("remove the terminal's directory", () => DirectoryTree.Delete(Bundle.ConsoleDirectory));
        undo.Add("close the standard streams", () => Init.Stdio.DisposeAsync().AsTask());
    }

    private Task RemoveFromRunscAsync() => Sandbox.WhileRunningAsync(this, async () =>
    {
        try
        {
            await _runsc.DeleteAsync(RunscId, Bundle.Path, Bundle.RunscLog);
        }
        catch (RunscException e)
        {
            if (!RunscLeftovers.Remove(_runsc.Settings.Root, RunscId, _context.Cgroups, _ownCgroup))
                throw;
            Log.DeletedWithSandbox(Id, e);
        }
        var cleanUp = new Undo(Id, Log);
        cleanUp.Add("remove what runsc left", () => RunscStateFile.RemoveRemains(_runsc.Settings.Root, RunscId));
        await cleanUp.RunAsync();
    });

    private static CheckpointSettings DefaultsOf(CheckpointConfiguration configuration) => new()
    {
        Compression = configuration.Compression,
        Direct = configuration.Direct,
        ExcludeCommittedZeroPages = configuration.ExcludeCommittedZeroPages,
    };
}
