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
        NewImage image = await _context.BlockingAsync("write", request.Path, () => NewImage.Begin(request.Path, stateFile));
        try
        {
            AtomicFile.Replace(Bundle.PartialImage, System.Text.Encoding.UTF8.GetBytes(image.PartialPath));
            await Sandbox.CheckpointAsync(this, _questions, end && !endByRunsc, async () =>
            {
                RequireImageable();
                // Asked meanwhile.
                Task<string> version = _commands.VersionAsync();
                await WriteAsync(image, request, leaveRunning: !endByRunsc);
                CheckpointRecord? record = request.FileSystems is null ? await RecordAsync(image, await version) : null;
                await _context.BlockingAsync("write", request.Path, () =>
                {
                    if (record is not null)
                        image.Add(record);
                    image.Finish(stateFile);
                    return true;
                });
                Sandbox.EndedByCheckpoint = end;
                Log.Checkpointed(Id, Sandbox.Id, request.Path, _context.Time.GetElapsedTime(start));
                _context.Events.Publish(TaskEvents.Of(new TaskCheckpointed { ContainerId = Id, Checkpoint = request.Path }));
            });
        }
        catch (Exception e)
        {
            Log.CheckpointFailed(Id, request.Path, e);
            throw;
        }
        finally
        {
            await _context.BlockingAsync("clear", request.Path, () =>
            {
                image.Dispose();
                return true;
            });
            File.Delete(Bundle.PartialImage);
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

    private Task WriteAsync(NewImage image, CheckpointRequest request, bool leaveRunning)
    {
        RunscCommands commands = _commands.WithDebug(request.Debug);
        return request.FileSystems is { } fileSystems
            ? commands.CheckpointFileSystemsAsync(RunscId, image.PartialPath, fileSystems, Bundle.RunscLog)
            : commands.CheckpointAsync(
                RunscId, image.PartialPath, request.Settings with { LeaveRunning = leaveRunning }, Bundle.RunscLog);
    }

    /// <summary>
    /// What the restore needs; null where this shim does not have all of the sandbox's containers (<c>grouping = false</c>).
    /// </summary>
    private async Task<CheckpointRecord?> RecordAsync(NewImage image, string runscVersion)
    {
        int? count = await _context.BlockingAsync("read", image.PartialPath, image.CountContainers);
        if (count is not null && count != Sandbox.Containers.Count)
            return null;
        var names = new List<string>(Sandbox.Containers.Count);
        foreach (Container container in Sandbox.Containers)
            names.Add(container.Name);
        return new CheckpointRecord
        {
            RunscVersion = runscVersion,
            Containers = names,
            Volumes = Sandbox.Volumes,
        };
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
