using Containerd.Api.Events;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Events;
using Shim.Io;
using Shim.Logging;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>A container and what is done with it. Made by <see cref="ContainerCreator"/>.</summary>
/// <remarks>
/// Operations on a process run in order (<see cref="ContainerProcess.Operations"/>); its end is one of them, so that
/// no exit event precedes a start event. Questions do not wait for operations.
/// </remarks>
public sealed partial class Container
{
    /// <summary>The exit status of a process that never ran.</summary>
    private const int NeverRanStatus = 128;

    /// <summary>The exit status of a process whose sandbox is gone and did not tell.</summary>
    private const int LostStatus = 128 + Signals.SIGKILL;

    private static readonly TimeSpan s_lateAnswerBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_waitAgain = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestWaitAgain = TimeSpan.FromSeconds(32);
    private static readonly TimeSpan s_sandboxEndBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_containerEndBound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_pidsBound = TimeSpan.FromSeconds(2);

    private readonly ContainerContext _context;
    private readonly string? _cgroupsPath;
    private readonly StdioOwner _stdioOwner;
    private readonly RunscCommands _commands;
    private readonly ISandboxQuestions _questions;
    private readonly int? _restorePlace;

    // Completed on the loop, hence without RunContinuationsAsynchronously, which would start the thread pool.
    private readonly TaskCompletionSource _started = new();

    internal Container(
        ContainerContext context, string id, Bundle bundle, Sandbox sandbox, bool isSandbox,
        string? cgroupsPath, ContainerProcess init, StdioOwner stdioOwner, RunscCommands commands, ISandboxQuestions questions,
        int? restorePlace)
    {
        _context = context;
        Id = id;
        RunscId = Runsc.RunscId.For(id);
        Bundle = bundle;
        Sandbox = sandbox;
        IsSandbox = isSandbox;
        Init = init;
        _cgroupsPath = cgroupsPath;
        _stdioOwner = stdioOwner;
        _commands = commands;
        _questions = questions;
        _restorePlace = restorePlace;
        sandbox.Containers.Add(this);
        WatchEnd();
    }

    /// <summary>The id for containerd.</summary>
    public string Id { get; }

    /// <summary>The id for runsc.</summary>
    public string RunscId { get; }

    /// <summary>Its bundle.</summary>
    public Bundle Bundle { get; }

    /// <summary>Where it runs.</summary>
    public Sandbox Sandbox { get; }

    /// <summary>Whether it is the first of its sandbox, which ends with it.</summary>
    public bool IsSandbox { get; }

    /// <summary>What its specification calls it; empty where it has no name.</summary>
    public string Name { get; init; } = "";

    /// <summary>Whether its other processes end with its first one by themselves.</summary>
    public bool HasOwnPidNamespace { get; init; }

    /// <summary>How images of it are written where a request does not say.</summary>
    public CheckpointSettings CheckpointDefaults { get; init; } = new();

    /// <summary>Whether it was started from an image, and waits there for the other containers of its sandbox.</summary>
    public bool IsBeingRestored => Init.State == ProcessState.Running && Sandbox.Restore is { IsPending: true };

    /// <summary>Its first process.</summary>
    public ContainerProcess Init { get; }

    private ShimLog Log => _context.Log;

    /// <summary>Its first process, or the one that Exec made under <paramref name="execId"/>.</summary>
    /// <exception cref="ContainerException">There is none.</exception>
    public ContainerProcess Process(string execId) => execId.Length == 0 ? Init : FindExec(execId).Process;

    /// <summary>Lets the first process run, from its beginning or from an image.</summary>
    /// <returns>The sandbox's process id.</returns>
    /// <exception cref="RunscException">runsc could not; the container has ended then and can only be deleted.</exception>
    /// <exception cref="ContainerException">It is not waiting to be started.</exception>
    public Task<int> StartAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Start);
        RequireRunningSandbox("start");
        SandboxRestore? restore = _restorePlace is null ? null : Sandbox.Restore;
        BeginRestore(restore);
        IReadOnlyList<Descriptor?> stdio = IsSandbox ? [] : Init.Stdio.Descriptors;
        try
        {
            await Sandbox.ActAsync(() =>
            {
                // A checkpoint may have come first, and ended it.
                RequireRunningSandbox("start");
                return restore is null
                    ? _commands.StartAsync(RunscId, Bundle.RunscLog, stdio)
                    : _commands.RestoreAsync(RunscId, restore.Settings, Bundle.RunscLog, stdio);
            });
            if (!IsSandbox)
                await Init.Stdio.HandedOverAsync();
        }
        catch (Exception e)
        {
            Log.StartFailed(Id, "", e);
            // One container less, and none of the others can ever run.
            restore?.Fail(Sandbox, e.Message);
            await CleanUpAfterFailedStartAsync();
            Init.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
            throw;
        }
        Init.Move(ProcessVerb.Start);
        Log.Started(Id, "");
        restore?.Restored(_restorePlace!.Value, Sandbox, _context.Time);
        _context.Events.Publish(TaskEvents.Of(new TaskStart { ContainerId = Id, Pid = (uint)Init.Pid }));
        _started.TrySetResult();
        return Init.Pid;
    });

    /// <summary>Pauses the container, and with it its whole sandbox.</summary>
    /// <exception cref="ContainerException">It does not run.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task PauseAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Pause);
        RequireRestored("pause");
        await Sandbox.PauseAsync(this, _questions);
        Init.Move(ProcessVerb.Pause);
        _context.Events.Publish(TaskEvents.Of(new TaskPaused { ContainerId = Id }));
    });

    /// <summary>Lets the paused container go on; its sandbox goes on when none of its containers is paused.</summary>
    /// <remarks>Clients of containerd resume what they have paused for a checkpoint, also where the checkpoint ended it.</remarks>
    /// <exception cref="ContainerException">It is not paused.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task ResumeAsync() => Init.Operations.RunAsync(async () =>
    {
        if (Sandbox.EndedByCheckpoint)
            return;
        Init.Check(ProcessVerb.Resume);
        await Sandbox.ResumeAsync(this, _questions);
        Init.Move(ProcessVerb.Resume);
        _context.Events.Publish(TaskEvents.Of(new TaskResumed { ContainerId = Id }));
    });

    /// <summary>Removes the container, which has ended or was never started.</summary>
    /// <returns>How it ended.</returns>
    /// <exception cref="ContainerException">It runs.</exception>
    /// <exception cref="RunscException">runsc could not remove it; it can be tried again.</exception>
    public Task<ProcessEnd> DeleteAsync() => Init.Operations.RunAsync(async () =>
    {
        Init.Check(ProcessVerb.Delete);
        await RemoveFromRunscAsync();
        if (Init.State == ProcessState.Created)
            Init.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
        foreach (Exec exec in (List<Exec>)[.. _execs.Values])
            await EndAndRemoveExecAsync(exec);
        await Init.Stdio.DisposeAsync();
        DirectoryTree.Delete(Bundle.ConsoleDirectory);
        await _context.UnmountAsync(Bundle.Rootfs);
        Init.Move(ProcessVerb.Delete);
        if (_restorePlace is { } place)
            Sandbox.Restore!.Remove(place);
        Sandbox.Containers.Remove(this);
        _context.Store.Remove(this);
        Log.Deleted(Id, "");
        ProcessEnd end = Init.End!.Value;
        _context.Events.Publish(TaskEvents.Of(new TaskDelete
        {
            ContainerId = Id,
            Id = Id,
            Pid = (uint)Init.Pid,
            ExitStatus = (uint)end.Status,
            ExitedAt = Timestamp.FromDateTimeOffset(end.At),
        }));
        return end;
    });

    /// <summary>The ids, inside the sandbox, of the container's processes.</summary>
    /// <remarks>
    /// While the sandbox lives the answer is never empty: containerd takes an empty one for a lost container when it
    /// is restarted, and deletes it. What cannot be asked then is answered with the sandbox's own process.
    /// </remarks>
    public async Task<IReadOnlyList<int>> PidsAsync()
    {
        if (Init.State is ProcessState.Running or ProcessState.Paused)
            try
            {
                // containerd waits for this when it is restarted, for one container after the other.
                if (await _questions.PidsAsync(RunscId).WaitAsync(s_pidsBound, _context.Time) is { Count: > 0 } pids)
                    return pids;
            }
            catch (Exception e) when (e is RunscException or TimeoutException)
            {
                Log.PidsUnknown(Id, e);
            }
        return Sandbox.Died.IsCompleted ? [] : [Sandbox.Pid];
    }

    /// <summary>What the container uses, and its limit of memory, which the sandbox does not tell.</summary>
    /// <exception cref="ContainerException">It has ended.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    /// <exception cref="LinuxException">It has just ended.</exception>
    public async Task<RunscStats> StatsAsync()
    {
        if (Init.State is ProcessState.Stopped or ProcessState.Deleted)
            throw new ContainerException(
                Refusal.NotFound, $"{Init} is {ProcessLifecycle.NameOf(Init.State)}: it has no statistics");
        RunscStats stats = await _questions.StatsAsync(RunscId);
        if (stats.MemoryLimit != 0)
            return stats;
        // The CRI takes any number but a huge one for a limit, and what is not used of it for available.
        return stats with { MemoryLimit = FindOwnCgroup() is { } group ? CgroupReader.MemoryLimit(group) : ulong.MaxValue };
    }

    /// <summary>Sets limits in the container's cgroup on the node.</summary>
    /// <remarks>
    /// The processes of all of a sandbox's containers are in the first one's cgroup. The others have cgroups too, which
    /// runsc makes for those who look for them; limits there are seen, but limit nothing.
    /// </remarks>
    /// <param name="resources">OCI LinuxResources, as JSON.</param>
    /// <exception cref="ContainerException">It is not that, or the container has no cgroup.</exception>
    /// <exception cref="LinuxException">The kernel refused a limit.</exception>
    public Task UpdateAsync(ReadOnlyMemory<byte> resources) => Init.Operations.RunAsync(() =>
    {
        ResourceLimits limits = ResourcesJson.Parse(resources);
        if (Init.State is ProcessState.Stopped or ProcessState.Deleted)
            throw new ContainerException(
                Refusal.WrongState, $"cannot update {Init}: it is {ProcessLifecycle.NameOf(Init.State)}");
        CgroupLimits.Apply(OwnCgroup(), limits);
        return Task.CompletedTask;
    });

    private Cgroup OwnCgroup() => FindOwnCgroup() ?? throw new ContainerException(Refusal.Unsupported,
        $"cannot update {Init}: it has no cgroup of its own on the node");

    private Cgroup? FindOwnCgroup() => IsSandbox ? Sandbox.Cgroup
        : _cgroupsPath is { Length: > 0 } path && Cgroup.AtPath(_context.Cgroups, path) is { Exists: true } group ? group
        : null;

    private void RequireRunningSandbox(string verb)
    {
        if (Sandbox.Died.IsCompleted)
            throw new ContainerException(Refusal.WrongState, $"cannot {verb} {Init}: its sandbox {Sandbox.Id} has ended");
        if (Sandbox.IsPaused)
            throw new ContainerException(Refusal.WrongState, $"cannot {verb} in {Init}: its sandbox {Sandbox.Id} is paused");
    }

    private void RequireRestored(string verb)
    {
        if (Sandbox.Restore is { IsPending: true } restore)
            throw new ContainerException(
                Refusal.WrongState, $"cannot {verb} {Init}: its sandbox {Sandbox.Id} {restore.Reason}");
    }

    /// <summary>A start of a container of an image waits for its turn; no other start may come between.</summary>
    private void BeginRestore(SandboxRestore? restore)
    {
        if (restore is null)
            RequireRestored("start");
        else if (restore.IsPending)
            restore.Begin(_restorePlace!.Value);
        else
            throw new ContainerException(
                Refusal.WrongState, $"cannot start {Init}: its sandbox {Sandbox.Id} could not be restored from {restore.ImagePath}");
    }

    /// <summary>What Delete would do; it still comes, and finds nothing to do.</summary>
    private async Task CleanUpAfterFailedStartAsync()
    {
        var undo = new Undo(Id, Log);
        undo.Add("unmount the root file system", () => _context.UnmountAsync(Bundle.Rootfs));
        undo.Add("remove the terminal's directory", () =>
        {
            DirectoryTree.Delete(Bundle.ConsoleDirectory);
            return Task.CompletedTask;
        });
        undo.Add("close the standard streams", () => Init.Stdio.DisposeAsync().AsTask());
        undo.Add("remove the container from runsc", RemoveFromRunscAsync);
        await undo.TakeBackAsync();
    }

    private Task RemoveFromRunscAsync() => Sandbox.WhileRunningAsync(this, _questions, async () =>
    {
        try
        {
            await _commands.DeleteAsync(RunscId, Bundle.RunscLog);
        }
        catch (RunscException e)
        {
            if (!RunscLeftovers.Remove(_commands.Settings.Root, RunscId, _cgroupsPath))
                throw;
            Log.DeletedWithSandbox(Id, e);
        }
        RunscStateFile.RemoveLocks(_commands.Settings.Root, RunscId);
    });
}
