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
        return process.Operations.RunAsync(() => process.State switch
        {
            ProcessState.Created => KillBeforeStartAsync(process, signal),
            // A checkpoint may take minutes more, and until then only the kernel can deliver a signal.
            ProcessState.Paused or ProcessState.Running when signal == Signals.SIGKILL && IsSandbox && process == Init
                && Sandbox.IsBeingSaved => KillSandboxNow(),
            ProcessState.Running when IsBeingRestored => KillBeforeRestoreAsync(signal),
            ProcessState.Running => SignalAsync(process, signal, all),
            ProcessState.Paused when signal == Signals.SIGKILL =>
                Sandbox.WhileRunningAsync(this, () => SignalAsync(process, signal, all)),
            ProcessState.Paused => throw new RefusedException(
                Refusal.WrongState, $"cannot signal {process}: it is paused; only SIGKILL reaches it"),
            _ => RequireWasWanted(process, signal),
        });
    }

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
            // It has ended, and its exit will soon be known.
            await RequireWasWanted(process, signal);
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

    /// <summary>
    /// A caller that wants a process to end and finds that it has ended succeeds: the CRI kills containers that have
    /// exited.
    /// </summary>
    private static Task RequireWasWanted(ContainerProcess process, int signal) =>
        process.State != ProcessState.Deleted && signal is Signals.SIGKILL or Signals.SIGTERM
            ? Task.CompletedTask
            : throw new RefusedException(Refusal.NotFound, $"cannot signal {process}: it has ended");

    /// <summary>runsc refuses signals to what was not started yet, so a signal that would end it ends it here.</summary>
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
    /// runsc has no process yet to signal, so a signal that would end it ends it here. The other containers of its image
    /// can then never run.
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
