namespace Linux;

/// <summary>A process that <see cref="IChildProcesses.Spawn"/> started.</summary>
/// <param name="pid">Its pid.</param>
/// <param name="exited">Completes when it was reaped.</param>
/// <param name="kill">Sends it a signal while its pid is its own.</param>
public sealed class ChildProcess(int pid, Task<ProcessExit> exited, Action<int> kill)
{
    /// <summary>Its pid, which means this process until <see cref="Exited"/> completes.</summary>
    public int Pid { get; } = pid;

    /// <summary>Completes once, on the loop, when the process was reaped.</summary>
    public Task<ProcessExit> Exited { get; } = exited;

    /// <summary>Sends a signal; nothing happens if the process was reaped: its pid may be another's.</summary>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <exception cref="LinuxException">The kernel refused (EINVAL for a bad number, EPERM).</exception>
    public void Kill(int signal)
    {
        // Reaping happens on the caller's thread only, so nothing can change between the look and the kill.
        if (!Exited.IsCompleted)
            kill(signal);
    }
}
