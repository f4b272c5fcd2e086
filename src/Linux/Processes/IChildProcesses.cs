namespace Linux;

/// <summary>Starts child processes and reports their exits. On the loop's thread.</summary>
public interface IChildProcesses
{
    /// <summary>Starts a program and watches its exit.</summary>
    /// <exception cref="LinuxException">The program could not be started.</exception>
    ChildProcess Spawn(SpawnRequest request);

    /// <summary>The exit, past or future, of a child or of a descendant that will become one.</summary>
    /// <returns>A task that completes once, on the loop. It fails with <see cref="LinuxException"/>: ESRCH if the pid
    /// is unknown, ECHILD if the process is not a descendant, or if its own parent reaped it.</returns>
    Task<ProcessExit> WatchAsync(int pid);

    /// <summary>Sends a signal to a child whose exit is watched and not yet known.</summary>
    /// <param name="pid">The child.</param>
    /// <param name="signal">The number, see <see cref="Signals"/>.</param>
    /// <returns>False if there is no such child: another process may have its pid.</returns>
    /// <exception cref="LinuxException">EPERM: not permitted. EINVAL: invalid signal number.</exception>
    bool Kill(int pid, int signal);
}
