namespace Linux;

/// <summary>The signals blocked in the calling thread. Threads and children created later inherit the mask, and it
/// survives exec.</summary>
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

    /// <summary>Adds signals to the blocked ones.</summary>
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
