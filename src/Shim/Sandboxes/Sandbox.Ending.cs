using Linux;

namespace Shim.Sandboxes;

/// <summary>The one place that ends a sandbox.</summary>
internal sealed partial class Sandbox
{
    /// <summary>How long a sandbox may take to end after it was asked to, before its process is killed.</summary>
    private static readonly TimeSpan s_lateBound = TimeSpan.FromSeconds(2);

    /// <summary>Whether a checkpoint ended it on request: its containers then ended with status 0.</summary>
    public bool EndedByCheckpoint { get; private set; }

    /// <summary>Kills its process. Another shim's sandbox is left to that shim.</summary>
    public void Kill()
    {
        if (Exit is { IsCompleted: false })
            _context.Processes.Kill(Pid, Signals.SIGKILL);
    }

    /// <summary>Kills its process unless it ends by itself within 2 s: it hangs, or refuses its SIGKILL.</summary>
    public async Task KillUnlessDeadAsync()
    {
        if (await Task.WhenAny(Died, Task.Delay(s_lateBound, _context.Time)) != Died)
            KillDisobedient();
    }

    /// <summary>
    /// Kills its process if a container that it was told to kill lives on. Such a sandbox no longer obeys, perhaps
    /// because that container has taken it over, and nobody could ever delete the container.
    /// </summary>
    /// <param name="containerEnded">Completes when the container has ended.</param>
    /// <param name="bound">How long the container may live on while the sandbox runs.</param>
    public async Task KillUnlessEndedAsync(Task containerEnded, TimeSpan bound)
    {
        if (Exit is null)
            return;
        while (!await LoopTask.AnyWithinAsync(bound, _context.Time, containerEnded, Died))
        {
            // Nothing ends in a sandbox that is paused.
            if (IsPaused || IsBeingSaved)
                continue;
            KillDisobedient();
            return;
        }
    }

    private void KillDisobedient()
    {
        _context.Log.SandboxKilled(Id, Pid);
        Kill();
    }
}
