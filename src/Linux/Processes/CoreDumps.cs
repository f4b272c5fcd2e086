namespace Linux;

/// <summary>Core dumps: files with the memory of a process that crashed.</summary>
public static class CoreDumps
{
    /// <summary>
    /// This process writes none, nor do those that it starts: their memory holds what belongs to pods. A process that
    /// is started may raise the limit again, up to its own hard limit.
    /// </summary>
    /// <exception cref="LinuxException">The limit cannot be read or set.</exception>
    public static unsafe void Disable()
    {
        Libc.rlimit limit;
        LinuxException.ThrowIfFailed(Libc.getrlimit(Libc.RLIMIT_CORE, &limit), "getrlimit", "RLIMIT_CORE");
        limit.rlim_cur = 0;
        LinuxException.ThrowIfFailed(Libc.setrlimit(Libc.RLIMIT_CORE, &limit), "setrlimit", "RLIMIT_CORE");
    }
}
