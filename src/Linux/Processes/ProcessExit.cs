namespace Linux;

/// <summary>How a process ended.</summary>
/// <param name="Pid">Its pid, free for others by now.</param>
/// <param name="Status">The status of waitpid(2), undecoded.</param>
/// <param name="At">When it was reaped.</param>
public readonly record struct ProcessExit(int Pid, int Status, DateTimeOffset At)
{
    private const int SignalBase = 128;

    /// <summary>The signal that ended it, or 0 (WTERMSIG).</summary>
    internal int Signal => Status & 0x7f;

    /// <summary>Its exit code as shells and containerd count: 128 + signal if a signal ended it.</summary>
    public int ExitCode => Signal == 0 ? (Status >> 8) & 0xff : SignalBase + Signal;
}
