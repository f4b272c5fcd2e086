using System.Diagnostics;

namespace Linux;

/// <summary>
/// Runs a program to its end in a process that has no event loop and no other children. Blocks. A process with a
/// <see cref="Reaper"/> uses that instead.
/// </summary>
public static class ShortCommand
{
    private const int PollMilliseconds = 2;
    private static readonly TimeSpan s_killBound = TimeSpan.FromMilliseconds(200);

    /// <summary>Runs a program.</summary>
    /// <param name="request">The program.</param>
    /// <param name="bound">How long it may run before it is killed.</param>
    /// <returns>How it ended: by SIGKILL if it ran too long.</returns>
    /// <exception cref="LinuxException">The program could not be started.</exception>
    public static unsafe ProcessExit Run(SpawnRequest request, TimeSpan bound)
    {
        int pid = Spawner.Spawn(request);
        long start = Stopwatch.GetTimestamp();
        bool isKilled = false;
        while (true)
        {
            int status;
            int ended = Libc.waitpid(pid, &status, Libc.WNOHANG);
            if (ended == pid)
                return new ProcessExit(pid, status, DateTimeOffset.UtcNow);
            if (ended < 0 && LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("waitpid", request.Path);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            if (!isKilled && elapsed >= bound)
            {
                _ = Libc.kill(pid, Signals.SIGKILL); // our unreaped child, so the pid is still its own
                isKilled = true;
            }
            // A process in an uninterruptible call ends only when the call does.
            else if (isKilled && elapsed >= bound + s_killBound)
                return new ProcessExit(pid, Signals.SIGKILL, DateTimeOffset.UtcNow);
            _ = Libc.poll(null, 0, PollMilliseconds);
        }
    }

    /// <summary>
    /// Kills a child and waits for its end, at most for 200 ms: then nothing that it had open is left.
    /// </summary>
    /// <param name="child">A child that nobody has waited for.</param>
    public static unsafe void Kill(int child)
    {
        _ = Libc.kill(child, Signals.SIGKILL);
        long start = Stopwatch.GetTimestamp();
        int status;
        while (Libc.waitpid(child, &status, Libc.WNOHANG) == 0 && Stopwatch.GetElapsedTime(start) < s_killBound)
            _ = Libc.poll(null, 0, PollMilliseconds);
    }
}
