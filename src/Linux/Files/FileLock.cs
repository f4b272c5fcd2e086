using System.Diagnostics;

namespace Linux;

/// <summary>Advisory locks between processes on files and directories (flock(2)).</summary>
public static class FileLock
{
    private const int RetryMilliseconds = 2;

    /// <summary>Takes the exclusive lock of an existing file or directory. Blocks this thread.</summary>
    /// <param name="path">The file or directory.</param>
    /// <param name="bound">How long to try.</param>
    /// <returns>The lock, released when it is disposed or this process ends.</returns>
    /// <exception cref="LinuxException">It cannot be opened; ETIMEDOUT: another process held the lock all the
    /// time.</exception>
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
                    ? new LinuxException(Errno.ETIMEDOUT, "flock", path,
                        $"another process held the lock for {bound.TotalSeconds} s")
                    : new LinuxException(errno, "flock", path);
            }
            // flock has no timeout; holders keep the lock for milliseconds.
            unsafe
            {
                _ = Libc.poll(null, 0, RetryMilliseconds);
            }
        }
        return file;
    }
}
