using Linux;
using Shim.Events;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>How the end of the container's processes becomes known.</summary>
internal sealed partial class Container
{
    private static readonly TimeSpan s_lateAnswerBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_firstKillAgain = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_longestKillAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_waitAgain = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestWaitAgain = TimeSpan.FromSeconds(32);

    /// <summary>Starts waiting for the end of the first process. Once, when the container has been created.</summary>
    public void WatchEnd() => LoopTask.Watch(async () =>
    {
        ProcessEnd end = IsSandbox ? await SandboxEndAsync() : await EndInSandboxAsync();
        // Now, since what follows may take long. A container that was to be killed needs no explanation.
        if (end.Status == KilledStatus && !_isWatchedAfterKill && Sandbox.ExplainByOutOfMemory())
            _outOfMemoryKills++;
        Init.Exited.TrySetResult();
        if (!IsSandbox && !_hasOwnPidNamespace)
            await KillRemainingProcessesAsync();
        await EndExecsAsync();
        if (Sandbox.Died.IsCompleted)
            await Sandbox.CheckpointThatEndedItAsync();
        await Init.Operations.RunAsync(() =>
        {
            // After a start that was under way: it may have been the one that completed the restore.
            if (IsSandbox)
                Sandbox.Restore?.SandboxEnded();
            if (IsSandbox || Sandbox.EndedByCheckpoint)
                end = end with { Status = StatusOfGone(end.Status) };
            End(Init, end);
        });
        await Sandbox.Limits.RemoveAsync(Id);
    });

    /// <summary>
    /// The exits of the container's other processes come before that of the first one. The processes of the node that
    /// represent them end by themselves, soon after.
    /// </summary>
    private async Task EndExecsAsync()
    {
        long start = _context.Time.GetTimestamp();
        foreach (Exec exec in (List<Exec>)[.. _execs.Values])
        {
            ContainerProcess process = exec.Process;
            TimeSpan left = s_lateAnswerBound - _context.Time.GetElapsedTime(start);
            if (process.State == ProcessState.Running && left > TimeSpan.Zero)
                await LoopTask.AnyWithinAsync(left, _context.Time, process.Ended);
            if (process.State == ProcessState.Running)
                End(process, new ProcessEnd(LostStatus, _context.Now));
        }
    }

    /// <summary>A sandbox ends with its first container's process, and with its exit status.</summary>
    private async Task<ProcessEnd> SandboxEndAsync()
    {
        try
        {
            ProcessExit exit = await Sandbox.Exit!;
            return new ProcessEnd(exit.ExitCode, exit.At);
        }
        catch (LinuxException e)
        {
            Log.WaitFailed(Id, e);
            return new ProcessEnd(LostStatus, _context.Now);
        }
    }

    /// <summary>The exit status of a container whose sandbox is gone.</summary>
    private int StatusOfGone(int status) =>
        Sandbox.EndedByCheckpoint ? 0
        : _restorePlace is not null && Sandbox.Restore is { HasFailed: true } ? NeverRanStatus
        : status;

    /// <summary>The end of a container that is not the first of its sandbox.</summary>
    private async Task<ProcessEnd> EndInSandboxAsync()
    {
        using CancellationTokenSource abandon = new(Timeout.InfiniteTimeSpan, _context.Time);
        // A container that is being restored cannot be waited for before all of them are.
        foreach (Task ready in (Task[])[_started.Task, Sandbox.Restore?.Over ?? Task.CompletedTask])
            if (await Task.WhenAny(ready, Init.Ended, Sandbox.Died) != ready || Sandbox.Restore is { HasFailed: true })
                return Init.End ?? new ProcessEnd(StatusOfGone(LostStatus), _context.Now);
        TimeSpan again = s_waitAgain;
        for (int failures = 1; ; failures++)
        {
            Task<int> answer = Sandbox.Control.WaitAsync(RunscId, abandon.Token);
            if (await Task.WhenAny(answer, Sandbox.Died) != answer)
                // The sandbox is gone. It may have reported this container's end before; then the answer is on its way.
                abandon.CancelAfter(s_lateAnswerBound);
            try
            {
                return new ProcessEnd(await answer, _context.Now);
            }
            catch (RunscException e)
            {
                // A failed wait does not mean that the container has ended: the wait itself may have been killed.
                Log.WaitFailed(Id, e);
                if (Sandbox.Died.IsCompleted || (failures > 1 && await HasEndedInSandboxAsync()))
                    return new ProcessEnd(StatusOfGone(LostStatus), _context.Now);
            }
            // The sandbox may refuse for ever, and each refusal is a line in the node's log.
            await Task.WhenAny(Sandbox.Died, Task.Delay(again, _context.Time));
            again = Backoff.Next(again, s_longestWaitAgain);
        }
    }

    /// <summary>
    /// Ends the processes that outlive the first one if the PID namespace is not the container's own. They hold the
    /// container's output open, and containerd waits for its end before it deletes the container.
    /// </summary>
    private async Task KillRemainingProcessesAsync()
    {
        if (!await TryKillAllAsync())
            return;
        // One that was just being forked is missed.
        LoopTask.Watch(async () =>
        {
            for (TimeSpan pause = s_firstKillAgain; pause < s_longestKillAgain; pause *= 2)
            {
                await LoopTask.AnyWithinAsync(pause, _context.Time, Sandbox.Died);
                if (Init.State == ProcessState.Deleted || !await TryKillAllAsync())
                    return;
            }
        });
    }

    /// <returns>Whether there may be others.</returns>
    private async Task<bool> TryKillAllAsync()
    {
        if (Sandbox.Died.IsCompleted)
            return false;
        try
        {
            await Sandbox.Control.SignalAsync(RunscId, Signals.SIGKILL, pid: 0, all: true);
            return true;
        }
        catch (RunscException e) when (e.Failure == RunscFailure.NotFound)
        {
            return false; // there are none
        }
        catch (RunscException e)
        {
            Log.ProcessesRemain(Id, e);
            return true;
        }
    }

    private async Task<bool> HasEndedInSandboxAsync()
    {
        try
        {
            return await Sandbox.Control.StateAsync(RunscId) == SandboxContainerState.Stopped;
        }
        catch (RunscException e)
        {
            return e.Failure == RunscFailure.NotFound;
        }
    }

    private void End(ContainerProcess process, ProcessEnd end) => process.TryEnd(end, () =>
    {
        if (process == Init && _outOfMemoryKills > 0)
            _context.Events.Publish(TaskEvents.OutOfMemory(Id));
        Log.Exited(Id, process == Init ? "" : process.Id, end.Status);
        _context.Events.Publish(TaskEvents.Exited(Id, process.Id, process.Pid, end.Status, end.At));
    });
}
