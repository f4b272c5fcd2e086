using System.Diagnostics;

namespace Linux;

/// <summary>This process's standard streams, without System.Console, which would start a thread and load
/// encodings.</summary>
public static class StandardIo
{
    private const int Chunk = 4096;

    /// <summary>Reads all of standard input; nothing from a terminal.</summary>
    /// <param name="limit">The maximum number of bytes read.</param>
    /// <param name="bound">How long to wait for the end; then the bytes read so far are returned.</param>
    /// <exception cref="LinuxException">Standard input cannot be read.</exception>
    public static unsafe byte[] ReadInput(int limit, TimeSpan bound)
    {
        if (Libc.isatty(0) == 1)
            return [];
        byte[] content = new byte[Math.Min(Chunk, limit)];
        int length = 0;
        long start = Stopwatch.GetTimestamp();
        while (length < limit)
        {
            if (length == content.Length)
                Array.Resize(ref content, (int)Math.Min(limit, content.Length * 4L));
            Libc.pollfd input = new() { fd = 0, events = Libc.POLLIN };
            TimeSpan left = bound - Stopwatch.GetElapsedTime(start);
            int ready = Libc.poll(&input, 1, (int)Math.Max(0, left.TotalMilliseconds));
            if (ready == 0)
                break;
            if (ready < 0 && LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("poll", "standard input");
            if (ready < 0)
                continue;
            nint count;
            fixed (byte* free = &content[length])
                count = Libc.read(0, free, (nuint)(content.Length - length));
            if (count == 0)
                break;
            if (count < 0 && LinuxException.LastErrno is not (Errno.EINTR or Errno.EAGAIN))
                LinuxException.ThrowLast("read", "standard input");
            length += (int)Math.Max(0, count);
        }
        return content[..length];
    }

    /// <summary>Writes all of <paramref name="bytes"/> to standard output.</summary>
    /// <exception cref="LinuxException">The stream cannot be written.</exception>
    public static void Write(ReadOnlySpan<byte> bytes) => Write(1, bytes);

    /// <summary>Writes all of <paramref name="bytes"/> to standard error.</summary>
    /// <exception cref="LinuxException">The stream cannot be written.</exception>
    public static void WriteError(ReadOnlySpan<byte> bytes) => Write(2, bytes);

    /// <summary>Writes to standard error if that needs no waiting.</summary>
    /// <returns>Whether all of <paramref name="bytes"/> was written.</returns>
    public static unsafe bool TryWriteError(ReadOnlySpan<byte> bytes)
    {
        Libc.pollfd error = new() { fd = 2, events = Libc.POLLOUT };
        // O_NONBLOCK would affect all processes that share the stream; hence poll first.
        if (Libc.poll(&error, 1, 0) != 1 || (error.revents & Libc.POLLOUT) == 0)
            return false;
        fixed (byte* start = bytes)
            return Libc.write(2, start, (nuint)bytes.Length) == bytes.Length;
    }

    private static unsafe void Write(int descriptor, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            nint count;
            fixed (byte* start = bytes)
                count = Libc.write(descriptor, start, (nuint)bytes.Length);
            if (count < 0 && LinuxException.LastErrno != Errno.EINTR)
                LinuxException.ThrowLast("write", descriptor == 1 ? "standard output" : "standard error");
            bytes = bytes[(int)Math.Max(0, count)..];
        }
    }
}
