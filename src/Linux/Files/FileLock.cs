using System.Diagnostics;

namespace Linux;

/// <summary>Advisory locks on files and directories among processes (flock(2)).</summary>
public static class FileLock
{
    private const int RetryMilliseconds = 2;

    /// <summary>Takes the exclusive lock of an existing file or directory. Blocks this thread meanwhile.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="bound">How long to try.</param>
    /// <returns>The lock; disposing it, or the end of this process, releases it.</returns>
    /// <exception cref="LinuxException">It cannot be opened; ETIMEDOUT: somebody else held it all the time.</exception>
    public static Descriptor Acquire(string path, TimeSpan bound)
    {
        Descriptor file = Descriptor.Open(path, OpenFlags.O_RDONLY);
        long start = Stopwatch.GetTimestamp();
        while (Libc.flock(file, Libc.LOCK_EX | Libc.LOCK_NB) < 0)
        {
            Errno errno = LinuxException.LastErrno;
            if (errno is not (Errno.EAGAIN or Errno.EINTR) || Stopwatch.GetElapsedTime(start) >= bound)
            {
                file.Dispose();
                throw errno is Errno.EAGAIN or Errno.EINTR
                    ? new LinuxException(Errno.ETIMEDOUT, "flock", path, $"another process held it for {bound.TotalSeconds} s")
                    : new LinuxException(errno, "flock", path);
            }
            // flock itself has no bound; holders keep the lock for milliseconds.
            unsafe
            {
                _ = Libc.poll(null, 0, RetryMilliseconds);
            }
        }
        return file;
    }
}
