namespace Linux;

/// <summary>A process that <see cref="IChildProcesses.Spawn"/> started.</summary>
/// <param name="pid">Its pid.</param>
/// <param name="exited">Completes when the process has been reaped.</param>
/// <param name="kill">Sends a signal to the pid while it refers to this process.</param>
public sealed class ChildProcess(int pid, Task<ProcessExit> exited, Action<int> kill)
{
    /// <summary>The pid, which refers to this process until <see cref="Exited"/> completes.</summary>
    public int Pid { get; } = pid;

    /// <summary>Completes once, on the loop, when the process has been reaped.</summary>
    public Task<ProcessExit> Exited { get; } = exited;

    /// <summary>Sends a signal. Does nothing if the process has been reaped: another one may have its pid.</summary>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <exception cref="LinuxException">EINVAL: invalid signal number. EPERM: not permitted.</exception>
    public void Kill(int signal)
    {
        // Children are reaped on this thread only, so nothing can change between the check and the kill.
        if (!Exited.IsCompleted)
            kill(signal);
    }
}
