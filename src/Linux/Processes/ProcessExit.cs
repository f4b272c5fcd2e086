namespace Linux;

/// <summary>How a process ended.</summary>
/// <param name="Pid">The pid, which another process may have by now.</param>
/// <param name="Status">The raw status of waitpid(2).</param>
/// <param name="At">When the process was reaped.</param>
public readonly record struct ProcessExit(int Pid, int Status, DateTimeOffset At)
{
    private const int SignalBase = 128;

    /// <summary>The signal that ended the process, or 0 (WTERMSIG).</summary>
    internal int Signal => Status & 0x7f;

    /// <summary>The exit code as shells and containerd report it: 128 + signal if a signal ended the process.</summary>
    public int ExitCode => Signal == 0 ? (Status >> 8) & 0xff : SignalBase + Signal;
}
