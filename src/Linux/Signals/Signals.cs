namespace Linux;

/// <summary>Signal numbers (signal(7)), the same on x86-64 and arm64.</summary>
public static class Signals
{
    /// <summary>Interrupt from the keyboard.</summary>
    public const int SIGINT = 2;
    /// <summary>Kill; cannot be blocked or caught.</summary>
    public const int SIGKILL = 9;
    /// <summary>User-defined.</summary>
    public const int SIGUSR1 = 10;
    /// <summary>Write to a pipe without a reader.</summary>
    internal const int SIGPIPE = 13;
    /// <summary>Termination request.</summary>
    public const int SIGTERM = 15;
    /// <summary>A child ended or stopped.</summary>
    public const int SIGCHLD = 17;

    /// <summary>Makes a write to a broken pipe fail with EPIPE instead of killing the process.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void IgnoreSigPipe()
    {
        if (Libc.signal(SIGPIPE, Libc.SIG_IGN) == -1)
            LinuxException.ThrowLast("signal", "SIGPIPE");
    }

    /// <summary>Sends a signal to a process that is not a child; for children use
    /// <see cref="ChildProcess.Kill"/>.</summary>
    /// <returns>False if the process does not exist.</returns>
    /// <exception cref="LinuxException">EPERM: not permitted. EINVAL: invalid signal number.</exception>
    public static bool Send(int pid, int signal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pid); // 0 and negative numbers mean process groups
        if (Libc.kill(pid, signal) == 0)
            return true;
        if (LinuxException.LastErrno == Errno.ESRCH)
            return false;
        LinuxException.ThrowLast("kill", $"process {pid} with signal {signal}");
        return false;
    }
}
