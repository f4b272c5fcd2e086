using Linux;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Signals to the container's processes, and what happens if a process cannot receive them.</summary>
internal sealed partial class Container
{
    private static readonly TimeSpan s_sandboxEndBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_containerEndBound = TimeSpan.FromMinutes(2);

    private bool _isWatchedAfterKill;

    /// <summary>Sends a signal to a process.</summary>
    /// <param name="execId">The exec; empty: the first process.</param>
    /// <param name="signal">The signal's number.</param>
    /// <param name="all">Every process of the container.</param>
    /// <exception cref="RefusedException">There is no such process, or it cannot receive a signal now.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task KillAsync(string execId, int signal, bool all)
    {
        ContainerProcess process = Process(execId);
        // An operation may take minutes, a restore or a checkpoint above all, and nothing can use its result.
        if (signal == Signals.SIGKILL && IsSandbox && process == Init && !HasEnded
            && (process.Operations.IsBusy || Sandbox.IsChanging))
            return KillSandboxNow();
        return process.Operations.RunAsync(() => process.State switch
        {
            ProcessState.Created => KillBeforeStartAsync(process, signal),
            ProcessState.Running when IsBeingRestored => KillBeforeRestoreAsync(signal),
            ProcessState.Running or ProcessState.Paused when Sandbox.IsPaused => signal == Signals.SIGKILL
                ? KillInPausedAsync(process, all) : SignalAtResume(process, signal, all),
            ProcessState.Running => SignalAsync(process, signal, all),
            _ => throw Finished(process),
        });
    }

    /// <summary>A paused process gets its signals when it runs again.</summary>
    private Task SignalAtResume(ContainerProcess process, int signal, bool all)
    {
        Sandbox.AtResume(process.ToString(), () => SignalAsync(process, signal, all));
        return Task.CompletedTask;
    }

    /// <summary>
    /// Nothing ends in a paused sandbox, so it runs until the process has ended. A killed exec leaves its container
    /// paused.
    /// </summary>
    private Task KillInPausedAsync(ContainerProcess process, bool all) =>
        Sandbox.WhileRunningAsync(process == Init ? this : null, async () =>
        {
            await SignalAsync(process, Signals.SIGKILL, all);
            if (Sandbox.IsPaused)
                await LoopTask.AnyWithinAsync(s_lateAnswerBound, _context.Time, process.Exited.Task, Sandbox.Died);
        });

    private async Task SignalAsync(ContainerProcess process, int signal, bool all)
    {
        int pid = process == Init ? 0 : FindExec(process.Id).InternalPid;
        if (signal == Signals.SIGKILL && process == Init)
            WatchAfterKill();
        try
        {
            await Sandbox.Control.SignalAsync(RunscId, signal, pid, all && process == Init);
        }
        catch (RunscException e) when (e.Failure is RunscFailure.NotFound or RunscFailure.TimedOut)
        {
            // A sandbox that does not take its SIGKILL, because it hangs or because it refuses, is killed from outside.
            if (signal == Signals.SIGKILL && process == Init && IsSandbox)
                await Sandbox.KillUnlessDeadAsync();
            else if (e.Failure == RunscFailure.TimedOut)
                throw;
            else
                throw Finished(process);
        }
    }

    private Task KillSandboxNow()
    {
        Sandbox.Kill();
        return Task.CompletedTask;
    }

    private void WatchAfterKill()
    {
        if (_isWatchedAfterKill)
            return;
        _isWatchedAfterKill = true;
        LoopTask.Watch(() =>
            Sandbox.KillUnlessEndedAsync(Init.Ended, IsSandbox ? s_sandboxEndBound : s_containerEndBound));
    }

    /// <summary>In containerd's words; its clients expect this code for a process that has ended.</summary>
    private static RefusedException Finished(ContainerProcess process) =>
        new(Refusal.NotFound, $"cannot signal {process}: process already finished");

    /// <summary>
    /// runsc refuses signals to what was not started yet, so a signal that would end it ends it here.
    /// </summary>
    private async Task KillBeforeStartAsync(ContainerProcess process, int signal)
    {
        if (signal is not (Signals.SIGKILL or Signals.SIGTERM))
            throw new RefusedException(
                Refusal.WrongState, $"cannot signal {process}: it is not started; SIGTERM and SIGKILL end it");
        if (process == Init)
            await RemoveFromRunscAsync();
        End(process, new ProcessEnd(128 + signal, _context.Now));
    }

    /// <summary>
    /// runsc has no process yet to signal, so a signal that would end it ends it here. The other containers of its
    /// image can then never run.
    /// </summary>
    private async Task KillBeforeRestoreAsync(int signal)
    {
        if (signal is not (Signals.SIGKILL or Signals.SIGTERM))
            Sandbox.RequireRestored($"signal {Init}");
        Sandbox.Restore!.Fail($"{Init} was killed before all containers were there");
        await RemoveFromRunscAsync();
        End(Init, new ProcessEnd(128 + signal, _context.Now));
    }
}
