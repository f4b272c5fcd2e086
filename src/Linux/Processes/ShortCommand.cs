using System.Diagnostics;

namespace Linux;

/// <summary>
/// Runs a program to its end in a process that has no event loop and no other children. Blocks. A process with a
/// <see cref="Reaper"/> uses that instead.
/// </summary>
public static class ShortCommand
{
    private const int PollMilliseconds = 2;

    /// <summary>Runs a program.</summary>
    /// <param name="request">The program.</param>
    /// <param name="bound">How long it may run before it is killed.</param>
    /// <returns>How it ended: by SIGKILL if it ran too long.</returns>
    /// <exception cref="LinuxException">The program could not be started.</exception>
    public static unsafe ProcessExit Run(SpawnRequest request, TimeSpan bound)
    {
        int pid = Spawner.Spawn(request);
        long start = Stopwatch.GetTimestamp();
        int options = Libc.WNOHANG;
        while (true)
        {
            int status;
            int ended = Libc.waitpid(pid, &status, options);
            if (ended == pid)
                return new ProcessExit(pid, status, DateTimeOffset.UtcNow);
            if (ended < 0 && LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("waitpid", request.Path);
            if (options == Libc.WNOHANG && Stopwatch.GetElapsedTime(start) >= bound)
            {
                _ = Libc.kill(pid, Signals.SIGKILL); // our unreaped child, so the pid is still its own
                options = 0;
                continue;
            }
            _ = Libc.poll(null, 0, PollMilliseconds);
        }
    }
}
