namespace Linux;

/// <summary>A process that <see cref="Reaper.Spawn"/> started.</summary>
public sealed class ChildProcess
{
    private readonly EventLoop _loop;

    internal ChildProcess(EventLoop loop, int pid, Task<ProcessExit> exited)
    {
        _loop = loop;
        Pid = pid;
        Exited = exited;
    }

    /// <summary>The pid, which refers to this process until <see cref="Exited"/> completes.</summary>
    internal int Pid { get; }

    /// <summary>Completes once, on the loop, when the process has been reaped.</summary>
    public Task<ProcessExit> Exited { get; }

    /// <summary>Sends a signal. Does nothing if the process has been reaped: another one may have its pid.</summary>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <exception cref="LinuxException">EINVAL: invalid signal number. EPERM: not permitted.</exception>
    public void Kill(int signal)
    {
        // Children are reaped on this thread only, so nothing can change between the check and the kill.
        _loop.VerifyAccess();
        if (!Exited.IsCompleted)
            LinuxException.ThrowIfFailed(Libc.kill(Pid, signal), "kill", $"process {Pid} with signal {signal}");
    }
}
