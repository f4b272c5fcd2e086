namespace Linux;

/// <summary>Signal numbers (signal(7)), the same on x86-64 and arm64.</summary>
public static class Signals
{
    /// <summary>Interrupt from the keyboard.</summary>
    public const int SIGINT = 2;
    /// <summary>Kill; cannot be blocked or caught.</summary>
    public const int SIGKILL = 9;
    /// <summary>For the program's own use.</summary>
    public const int SIGUSR1 = 10;
    /// <summary>Write with nobody to read.</summary>
    internal const int SIGPIPE = 13;
    /// <summary>Please end.</summary>
    public const int SIGTERM = 15;
    /// <summary>A child ended or stopped.</summary>
    public const int SIGCHLD = 17;

    /// <summary>Makes a write to a broken pipe fail with EPIPE instead of ending the process.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void IgnoreSigPipe()
    {
        if (Libc.signal(SIGPIPE, Libc.SIG_IGN) == -1)
            LinuxException.ThrowLast("signal", "SIGPIPE");
    }

    /// <summary>Sends a signal to a process that is not a child; for children there is
    /// <see cref="ChildProcess.Kill"/>.</summary>
    /// <returns>False if there is no such process.</returns>
    /// <exception cref="LinuxException">EPERM, or EINVAL for a bad number.</exception>
    public static bool Send(int pid, int signal)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(pid); // 0 and below mean groups to the kernel
        if (Libc.kill(pid, signal) == 0)
            return true;
        if (LinuxException.LastErrno == Errno.ESRCH)
            return false;
        LinuxException.ThrowLast("kill", $"process {pid} with signal {signal}");
        return false;
    }
}

/// <summary>A set of signals.</summary>
/// <param name="Bits">Bit n-1 stands for signal n, as the kernel has it.</param>
public readonly record struct SignalSet(ulong Bits)
{
    /// <summary>Every signal.</summary>
    internal static SignalSet All => new(ulong.MaxValue);

    /// <summary>The given signals.</summary>
    public static SignalSet Of(params ReadOnlySpan<int> signals)
    {
        ulong bits = 0;
        foreach (int signal in signals)
            bits |= Bit(signal);
        return new SignalSet(bits);
    }

    /// <summary>Whether all of another set's signals are in this one.</summary>
    public bool Contains(SignalSet other) => (Bits & other.Bits) == other.Bits;

    internal Libc.sigset_t Native => new() { Bits = Bits };

    private static ulong Bit(int signal)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(signal, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(signal, 64);
        return 1UL << (signal - 1);
    }
}

/// <summary>The signals that are blocked in the calling thread. Threads and children made later inherit them, and
/// they outlive exec.</summary>
public static class SignalMask
{
    /// <summary>The blocked signals.</summary>
    public static unsafe SignalSet Current
    {
        get
        {
            Libc.sigset_t old = default;
            ThrowIfError(Libc.pthread_sigmask(Libc.SIG_BLOCK, null, &old));
            return new SignalSet(old.Bits);
        }
    }

    /// <summary>Blocks these too.</summary>
    internal static unsafe void Block(SignalSet signals)
    {
        Libc.sigset_t set = signals.Native;
        ThrowIfError(Libc.pthread_sigmask(Libc.SIG_BLOCK, &set, null));
    }

    private static void ThrowIfError(int error)
    {
        if (error != 0)
            throw new LinuxException((Errno)error, "pthread_sigmask");
    }
}
