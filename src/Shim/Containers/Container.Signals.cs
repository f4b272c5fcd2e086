using Linux;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Signals to the container's processes, and who gets them in their place where they cannot.</summary>
public sealed partial class Container
{
    private bool _killsSandbox;

    /// <summary>Sends a signal to a process.</summary>
    /// <param name="execId">The process; empty: the first.</param>
    /// <param name="signal">The signal's number.</param>
    /// <param name="all">Every process of the container.</param>
    /// <exception cref="ContainerException">There is no such process, or it cannot get a signal now.</exception>
    /// <exception cref="RunscException">It failed.</exception>
    public Task KillAsync(string execId, int signal, bool all)
    {
        ContainerProcess process = Process(execId);
        return process.Operations.RunAsync(() => process.State switch
        {
            ProcessState.Created => KillBeforeStartAsync(process, signal),
            // A checkpoint may take minutes more, and nothing but the kernel takes a signal meanwhile.
            ProcessState.Paused or ProcessState.Running when signal == Signals.SIGKILL && IsSandbox && process == Init
                && Sandbox.IsBeingSaved => KillSandboxNow(),
            ProcessState.Running when IsBeingRestored => KillBeforeRestoreAsync(signal),
            ProcessState.Running => SignalAsync(process, signal, all),
            ProcessState.Paused when signal == Signals.SIGKILL =>
                Sandbox.WhileRunningAsync(this, _questions, () => SignalAsync(process, signal, all)),
            ProcessState.Paused => throw new ContainerException(
                Refusal.WrongState, $"cannot signal {process}: it is paused; only SIGKILL reaches it"),
            _ => IsGoneAlready(process, signal),
        });
    }

    private async Task SignalAsync(ContainerProcess process, int signal, bool all)
    {
        int pid = process == Init ? 0 : FindExec(process.Id).InternalPid;
        if (signal == Signals.SIGKILL && process == Init)
            KillSandboxUnlessEnded();
        try
        {
            await _questions.SignalAsync(RunscId, signal, pid, all && process == Init);
        }
        catch (RunscException e) when (e.Failure is RunscFailure.NotFound or RunscFailure.TimedOut)
        {
            if (signal == Signals.SIGKILL && process == Init && IsSandbox)
                await KillSandboxAsync();
            else if (e.Failure == RunscFailure.TimedOut)
                throw;
            // It has ended, and the news of it is on its way.
            await IsGoneAlready(process, signal);
        }
    }

    private Task KillSandboxNow()
    {
        Sandbox.Kill();
        return Task.CompletedTask;
    }

    /// <summary>
    /// A sandbox that lets a container run on that it was told to kill no longer does what it is told, perhaps because that
    /// container has taken it over. Nobody could ever delete it.
    /// </summary>
    // Async void on purpose: a failure here comes out of the loop's Run instead of being lost.
    private async void KillSandboxUnlessEnded()
    {
        if (_killsSandbox || Sandbox.Exit is null)
            return;
        _killsSandbox = true;
        do
        {
            using CancellationTokenSource ended = new();
            Task late = Task.Delay(IsSandbox ? s_sandboxEndBound : s_containerEndBound, _context.Time, ended.Token);
            bool isLate = await Task.WhenAny(Init.Ended, Sandbox.Died, late) == late;
            ended.Cancel();
            if (!isLate)
                return;
        }
        // Nothing ends in a sandbox that stands still.
        while (Sandbox.IsPaused || Sandbox.IsBeingSaved);
        Log.SandboxKilled(Sandbox.Id, Sandbox.Pid);
        Sandbox.Kill();
    }

    /// <summary>A sandbox that does not take its SIGKILL, because it hangs or because it refuses, gets it from outside.</summary>
    private async Task KillSandboxAsync()
    {
        if (await Task.WhenAny(Sandbox.Died, Task.Delay(s_lateAnswerBound, _context.Time)) == Sandbox.Died)
            return;
        Log.SandboxKilled(Sandbox.Id, Sandbox.Pid);
        Sandbox.Kill();
    }

    /// <summary>
    /// Whoever wants a process to end and finds that it has, has what he wanted; CRI kills containers that have exited.
    /// </summary>
    private static Task IsGoneAlready(ContainerProcess process, int signal) =>
        process.State != ProcessState.Deleted && signal is Signals.SIGKILL or Signals.SIGTERM
            ? Task.CompletedTask
            : throw new ContainerException(Refusal.NotFound, $"cannot signal {process}: it has ended");

    /// <summary>runsc refuses signals to what was not started yet, so what would end it ends it here.</summary>
    private async Task KillBeforeStartAsync(ContainerProcess process, int signal)
    {
        if (signal is not (Signals.SIGKILL or Signals.SIGTERM))
            throw new ContainerException(
                Refusal.WrongState, $"cannot signal {process}: it is not started; SIGTERM and SIGKILL end it");
        if (process == Init)
            await RemoveFromRunscAsync();
        End(process, new ProcessEnd(128 + signal, _context.Now));
    }

    /// <summary>
    /// runsc has no process yet to signal, so what would end it ends it here. The others of its image can never run then.
    /// </summary>
    private async Task KillBeforeRestoreAsync(int signal)
    {
        if (signal is not (Signals.SIGKILL or Signals.SIGTERM))
            RequireRestored("signal");
        Sandbox.Restore!.Fail(Sandbox, $"{Init} was killed before all containers were there");
        await RemoveFromRunscAsync();
        End(Init, new ProcessEnd(128 + signal, _context.Now));
    }
}
