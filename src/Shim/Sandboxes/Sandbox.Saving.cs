using Linux;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>The sandbox while a checkpoint of it is written.</summary>
internal sealed partial class Sandbox
{
    // Each may take ten seconds: half an hour, as long as an image may take.
    private const int ResumeAttempts = 180;
    private static readonly TimeSpan s_resumeAgain = TimeSpan.FromSeconds(1);

    private Task? _checkpoint;
    private SandboxEnd _checkpointEnd;

    /// <summary>Whether a checkpoint of it is being written.</summary>
    public bool IsBeingSaved => _checkpoint is not null;

    /// <summary>Completes when the checkpoint that is being written is over; completed if there is none.</summary>
    public Task Saved => _checkpoint ?? Task.CompletedTask;

    /// <summary>Refuses a checkpoint of a sandbox in which a container does not run: nobody could restore it.</summary>
    /// <param name="container">The container of which a checkpoint was requested.</param>
    /// <exception cref="RefusedException">A container does not run, or the sandbox is being restored.</exception>
    public void RequireSavable(ISandboxMember container)
    {
        RequireRestored($"checkpoint container {container.Id}");
        if (!container.IsAlive)
            throw new RefusedException(Refusal.WrongState,
                $"cannot checkpoint container {container.Id}: it is {container.StateName}");
        foreach (ISandboxMember member in _members)
            if (!member.IsAlive)
                throw new RefusedException(Refusal.WrongState,
                    $"cannot checkpoint container {container.Id}: an image is of the whole sandbox {Id}, and its "
                    + $"container {member.Id} is {member.StateName}; start it, or delete it, first");
    }

    /// <summary>Writes a checkpoint, while nothing else is done with the sandbox.</summary>
    /// <remarks>
    /// With <paramref name="end"/> the sandbox stays paused until it is killed. runsc could end it with the checkpoint,
    /// but then a checkpoint that fails ends it too.
    /// </remarks>
    /// <param name="container">The container of which the checkpoint was requested.</param>
    /// <param name="end">The sandbox ends when the checkpoint is written.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="RunscException">It failed; the sandbox is as it was before.</exception>
    public Task SaveAsync(ISandboxMember container, SandboxEnd end, Func<Task> write) => _pausing.RunAsync(async () =>
    {
        TaskCompletionSource written = LoopTask.NewSource();
        _checkpoint = written.Task;
        _checkpointEnd = end;
        bool pause = end == SandboxEnd.ByShim && _paused.Count == 0;
        try
        {
            await ActsEndedAsync();
            try
            {
                if (pause)
                    await Control.PauseAsync(container.RunscId);
                await write();
                EndedByCheckpoint |= end != SandboxEnd.None;
            }
            catch when (pause)
            {
                await ResumeAfterFailureAsync(container);
                throw;
            }
            if (end == SandboxEnd.ByShim)
                Kill();
        }
        finally
        {
            _checkpoint = null;
            written.SetResult();
        }
    });

    /// <summary>
    /// The sandbox has ended. If runsc is to end it with a checkpoint, it is not known before the checkpoint's end
    /// whether that was the reason. runsc has nobody to wait for any more; bringing the files to a slow disk takes as
    /// long as it does.
    /// </summary>
    public Task CheckpointThatEndedItAsync() =>
        _checkpointEnd == SandboxEnd.ByRunsc ? Saved : Task.CompletedTask;

    /// <summary>
    /// A sandbox whose runsc was killed writes on, for minutes perhaps, and takes no resume before it has finished.
    /// </summary>
    private async Task ResumeAfterFailureAsync(ISandboxMember container)
    {
        for (int attempt = 0; attempt < ResumeAttempts && !Died.IsCompleted; attempt++)
            try
            {
                await Control.ResumeAsync(container.RunscId);
                return;
            }
            catch (RunscException e)
            {
                _context.Log.ResumeFailed(container.Id, e);
                if (e.Failure is RunscFailure.WrongState or RunscFailure.NotFound)
                    return; // it is not paused, or no longer
                await Task.Delay(s_resumeAgain, _context.Time);
            }
    }
}
