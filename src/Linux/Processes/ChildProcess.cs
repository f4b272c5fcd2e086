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

    /// <summary>Its pid, which means this process until <see cref="Exited"/> completes.</summary>
    internal int Pid { get; }

    /// <summary>Completes once, on the loop, when the process was reaped.</summary>
    public Task<ProcessExit> Exited { get; }

    /// <summary>Sends a signal; nothing happens if the process was reaped: its pid may be another's.</summary>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <exception cref="LinuxException">The kernel refused (EINVAL for a bad number, EPERM).</exception>
    public void Kill(int signal)
    {
        // Reaping happens on this thread only, so nothing can change between the look and the kill.
        _loop.VerifyAccess();
        if (!Exited.IsCompleted)
            LinuxException.ThrowIfFailed(Libc.kill(Pid, signal), "kill", $"process {Pid} with signal {signal}");
    }
}
