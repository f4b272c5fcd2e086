using System.Text;
using Containerd.Api.Events;
using Linux;
using Shim.Checkpoints;
using Shim.Events;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Images of the container's sandbox.</summary>
public sealed partial class Container
{
    private static readonly TimeSpan s_endBound = TimeSpan.FromSeconds(10);

    /// <summary>Writes an image of the whole sandbox. One that cannot be written leaves nothing, and the sandbox as it was.</summary>
    /// <param name="request">What is asked.</param>
    /// <exception cref="ContainerException">It does not run, or another container of its sandbox does not.</exception>
    /// <exception cref="CheckpointException">The image cannot be where it is wanted.</exception>
    /// <exception cref="RunscException">runsc could not write it.</exception>
    /// <exception cref="IOException">A file could not be written.</exception>
    public async Task CheckpointAsync(CheckpointRequest request)
    {
        RequireImageable();
        bool end = !(request.FileSystems?.LeaveRunning ?? request.Settings.LeaveRunning);
        // A program in the sandbox that takes part cannot do so in one that stands still, so runsc itself ends that one.
        bool endByRunsc = end && (request.FileSystems is not null || request.Settings.RunsInSandbox);
        Log.CheckpointCoversSandbox(Id, Sandbox.Id, request.Path);
        long start = _context.Time.GetTimestamp();
        string stateFile = request.FileSystems is null ? ImageFiles.State : ImageFiles.FileSystems;
        NewImage image = await _context.BlockingAsync("write", request.Path, () => NewImage.Begin(request.Path));
        try
        {
            await Sandbox.CheckpointAsync(this, _questions, end && !endByRunsc, async () =>
            {
                RequireImageable();
                try
                {
                    // One at a time: whoever cleans up after a shim that was killed finds this one.
                    AtomicFile.Replace(Bundle.PartialImage, Encoding.UTF8.GetBytes(image.PartialPath));
                    await WriteAsync(image, request, stateFile, leaveRunning: !endByRunsc);
                }
                finally
                {
                    await ClearAsync(image, request.Path);
                    File.Delete(Bundle.PartialImage);
                }
                Sandbox.EndedByCheckpoint = end;
                Log.Checkpointed(Id, Sandbox.Id, request.Path, _context.Time.GetElapsedTime(start));
                _context.Events.Publish(TaskEvents.Of(new TaskCheckpointed { ContainerId = Id, Checkpoint = request.Path }));
            }, e => Log.ResumeFailed(Id, e), _context.Time);
        }
        catch (Exception e)
        {
            Log.CheckpointFailed(Id, request.Path, e);
            // Also where it was not even begun.
            await ClearAsync(image, request.Path);
            throw;
        }
        if (end)
            await Task.WhenAny(Sandbox.Died, Task.Delay(s_endBound, _context.Time));
    }

    /// <summary>Waits until something in the sandbox has ended, by a runsc of its own.</summary>
    /// <param name="what">What is waited for.</param>
    /// <param name="pid">For an exit: the process's id in the container; 0: the container's first process.</param>
    /// <param name="rootPid">For an exit: the process's id in the sandbox; 0: as <paramref name="pid"/> says.</param>
    /// <param name="debug">Where the command writes a debug log; null: it writes none.</param>
    /// <param name="abandon">Ends the wait, which then fails.</param>
    /// <returns>For an exit, the process's exit status; else 0.</returns>
    /// <exception cref="ContainerException">The container has ended.</exception>
    /// <exception cref="RunscException">runsc could not wait, or does not know what is to be waited for.</exception>
    public Task<int> WaitForAsync(WaitFor what, int pid, int rootPid, DebugSettings? debug, CancellationToken abandon)
    {
        if (Init.State is ProcessState.Stopped or ProcessState.Deleted)
            throw new ContainerException(Refusal.WrongState, $"cannot wait in {Init}: it is {ProcessLifecycle.NameOf(Init.State)}");
        return _commands.WithDebug(debug).WaitAsync(RunscId, what, pid, rootPid, Bundle.RunscLog, abandon);
    }

    /// <summary>Makes runsc look at the container and write a debug log about it.</summary>
    /// <exception cref="RunscException">It could not.</exception>
    public Task WriteDebugStateAsync(DebugSettings debug) =>
        _commands.WithDebug(debug).StateAsync(RunscId, Bundle.RunscLog);

    /// <summary>What its runsc says of itself: its version, and that of the OCI specification, a line each.</summary>
    /// <exception cref="RunscException">It could not.</exception>
    public Task<string> RunscVersionAsync() => _commands.VersionTextAsync();

    private async Task WriteAsync(NewImage image, CheckpointRequest request, string stateFile, bool leaveRunning)
    {
        RunscCommands commands = _commands.WithDebug(request.Debug);
        CheckpointRecord? record = null;
        if (request.FileSystems is { } fileSystems)
            await commands.CheckpointFileSystemsAsync(RunscId, image.PartialPath, fileSystems, Bundle.RunscLog);
        else
        {
            Task<CheckpointRecord> recording = RecordAsync(); // meanwhile
            await commands.CheckpointAsync(
                RunscId, image.PartialPath, request.Settings with { LeaveRunning = leaveRunning }, Bundle.RunscLog);
            record = await FittingAsync(await recording, image);
        }
        await _context.BlockingAsync("write", request.Path, () =>
        {
            if (record is not null)
                image.Add(record);
            image.Finish(stateFile);
            return true;
        });
    }

    /// <summary>Removes what is not finished.</summary>
    private Task<bool> ClearAsync(NewImage image, string path) => _context.BlockingAsync("clear", path, () =>
    {
        image.Dispose();
        return true;
    });

    /// <summary>What the restore needs to know. The version is for people, and not worth a failure.</summary>
    private async Task<CheckpointRecord> RecordAsync()
    {
        var names = new List<string>(Sandbox.Containers.Count);
        foreach (Container container in Sandbox.Containers)
            names.Add(container.Name);
        string version = "";
        try
        {
            version = await _commands.VersionAsync();
        }
        catch (RunscException e)
        {
            Log.VersionUnknown(Id, e);
        }
        return new CheckpointRecord { RunscVersion = version, Containers = names, Volumes = Sandbox.Volumes };
    }

    /// <summary>
    /// Null where this shim does not have all of the sandbox's containers, which with <c>grouping = false</c> are other
    /// shims': such an image is restored as one that runsc alone made.
    /// </summary>
    private async Task<CheckpointRecord?> FittingAsync(CheckpointRecord record, NewImage image)
    {
        int? count = await _context.BlockingAsync("read", image.PartialPath, image.CountContainers);
        if (count is null || count == record.Containers.Count)
            return record;
        Log.RecordLeftOut(Id, count.Value, record.Containers.Count);
        return null;
    }

    /// <summary>
    /// An image holds the sandbox with all its containers, and one with a container that does not run, or not any more,
    /// cannot be restored by anybody.
    /// </summary>
    private void RequireImageable()
    {
        RequireRestored("checkpoint");
        foreach (Container container in (List<Container>)[this, .. Sandbox.Containers])
            if (container.Init.State is not (ProcessState.Running or ProcessState.Paused))
                throw new ContainerException(Refusal.WrongState,
                    $"cannot checkpoint {Init}: "
                    + (container == this ? "it" : $"an image is of the whole sandbox {Sandbox.Id}, and its {container.Init}")
                    + $" is {ProcessLifecycle.NameOf(container.Init.State)}"
                    + (container == this ? "" : "; start it, or delete it, first"));
    }
}
