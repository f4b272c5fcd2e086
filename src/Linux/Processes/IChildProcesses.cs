namespace Linux;

/// <summary>Starts child processes and reports their exits. On the loop's thread.</summary>
public interface IChildProcesses
{
    /// <summary>Starts a program whose exit is then watched.</summary>
    /// <exception cref="LinuxException">It could not be started.</exception>
    ChildProcess Spawn(SpawnRequest request);

    /// <summary>
    /// The exit of a child, or of a descendant that will become one, whether it has happened yet or not.
    /// </summary>
    /// <returns>
    /// A task that completes once, on the loop. It fails with <see cref="LinuxException"/>: ESRCH if there is no such
    /// process and none was, ECHILD if the process ended but its own parent took its status.
    /// </returns>
    Task<ProcessExit> WatchAsync(int pid);

    /// <summary>Sends a signal to a child whose exit is watched and not known yet.</summary>
    /// <param name="pid">The child.</param>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <returns>False if there is no such child: its pid may be another process's.</returns>
    bool Kill(int pid, int signal);
}
