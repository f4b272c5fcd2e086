using Containerd.Api.Events;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Events;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>How the end of the container's processes becomes known.</summary>
public sealed partial class Container
{
    /// <summary>Waits for the end of the first process, as long as the container exists.</summary>
    // Async void on purpose: a failure here comes out of the loop's Run instead of being lost.
    private async void WatchEnd()
    {
        ProcessEnd end = IsSandbox ? await SandboxEndAsync() : await EndInSandboxAsync();
        if (!IsSandbox && !HasOwnPidNamespace)
            await KillRemainingProcessesAsync();
        await Init.Operations.RunAsync(() =>
        {
            if (IsSandbox)
            {
                // After a start that was under way: it may have been the one that completed the restore.
                Sandbox.Restore?.SandboxEnded(Sandbox);
                end = end with { Status = StatusOfGone(end.Status) };
            }
            End(Init, end);
            return Task.CompletedTask;
        });
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

    /// <summary>The end of a container in a sandbox that another was the first of.</summary>
    private async Task<ProcessEnd> EndInSandboxAsync()
    {
        using CancellationTokenSource abandon = new(Timeout.InfiniteTimeSpan, _context.Time);
        // A container that is being restored cannot be waited for before all of them are.
        foreach (Task ready in (Task[])[_started.Task, Sandbox.Restore?.Over ?? Task.CompletedTask])
            if (await Task.WhenAny(ready, Init.Ended, Sandbox.Died) != ready)
                return Init.End ?? new ProcessEnd(StatusOfGone(LostStatus), _context.Now);
        TimeSpan again = s_waitAgain;
        for (int failures = 1; ; failures++)
        {
            Task<int> answer = _questions.WaitAsync(RunscId, abandon.Token);
            if (await Task.WhenAny(answer, Sandbox.Died) != answer)
                // The sandbox is gone. It may have told the end of this container before, and the answer be on its way.
                abandon.CancelAfter(s_lateAnswerBound);
            try
            {
                return new ProcessEnd(await answer, _context.Now);
            }
            catch (RunscException e)
            {
                // That the wait failed does not say that the container has ended: it may have been killed itself.
                Log.WaitFailed(Id, e);
                if (Sandbox.Died.IsCompleted || (failures > 1 && await HasEndedInSandboxAsync()))
                    return new ProcessEnd(StatusOfGone(LostStatus), _context.Now);
            }
            // The sandbox may refuse for ever, and each refusal is a line in the node's log.
            await Task.WhenAny(Sandbox.Died, Task.Delay(again, _context.Time));
            if (again < s_longestWaitAgain)
                again *= 2;
        }
    }

    /// <summary>
    /// Ends the processes that outlive the first one where the PID namespace is not the container's own. They hold the
    /// container's output open, and containerd waits for its end before it deletes the container.
    /// </summary>
    private async Task KillRemainingProcessesAsync()
    {
        if (Sandbox.Died.IsCompleted)
            return;
        try
        {
            await _questions.SignalAsync(RunscId, Signals.SIGKILL, pid: 0, all: true);
        }
        catch (RunscException e) when (e.Failure == RunscFailure.NotFound)
        {
            // There are none.
        }
        catch (RunscException e)
        {
            Log.ProcessesRemain(Id, e);
        }
    }

    private async Task<bool> HasEndedInSandboxAsync()
    {
        try
        {
            return await _questions.StateAsync(RunscId) == SandboxContainerState.Stopped;
        }
        catch (RunscException e)
        {
            return e.Failure == RunscFailure.NotFound;
        }
    }

    private void End(ContainerProcess process, ProcessEnd end)
    {
        if (!process.TryEnd(end))
            return;
        Sandbox.OutOfMemory?.Report();
        string execId = process == Init ? "" : process.Id;
        Log.Exited(Id, execId, end.Status);
        _context.Events.Publish(TaskEvents.Of(new TaskExit
        {
            ContainerId = Id,
            Id = process.Id,
            Pid = (uint)process.Pid,
            ExitStatus = (uint)end.Status,
            ExitedAt = Timestamp.FromDateTimeOffset(end.At),
        }));
    }
}
