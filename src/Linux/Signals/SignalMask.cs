namespace Linux;

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
