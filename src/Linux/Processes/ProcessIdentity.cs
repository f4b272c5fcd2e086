namespace Linux;

/// <summary>Identifies a process for ever: a pid alone may be another process's later.</summary>
/// <param name="Pid">Its pid.</param>
/// <param name="StartTime">When it started, in clock ticks since boot.</param>
public readonly record struct ProcessIdentity(int Pid, ulong StartTime)
{
    /// <summary>Whether it has not ended. A zombie has not been reaped, but has ended.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public bool IsAlive => ProcFs.Stat(Pid) is { IsZombie: false } stat && stat.StartTime == StartTime;

    /// <summary>The process that has this pid now; null if there is none.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static ProcessIdentity? TryOf(int pid) =>
        ProcFs.Stat(pid) is { } stat ? new ProcessIdentity(pid, stat.StartTime) : null;

    /// <summary>Kills it, if it is alive.</summary>
    /// <returns>Whether it was.</returns>
    /// <exception cref="LinuxException">/proc cannot be read, or EPERM.</exception>
    public bool Kill() => IsAlive && Signals.Send(Pid, Signals.SIGKILL);
}
