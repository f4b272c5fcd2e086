using Linux;

namespace Shim.Io;

/// <summary>
/// A file to which a terminal's output is written. A thread of its own writes it, since it may be on a file server that
/// is gone, and no regular file tells when it can be written; the thread reads the output from a pipe.
/// </summary>
/// <param name="Pipe">Where the output is written to; owned by the caller. Its end is the end of the output.</param>
/// <param name="Written">
/// Completes when everything is in the file; fails with an <see cref="IOException"/> if it cannot be written.
/// </param>
internal sealed record FileSink(Descriptor Pipe, Task Written)
{
    private const int BufferBytes = 4096;

    /// <summary>Begins to write.</summary>
    /// <param name="loop">The loop on which <see cref="Written"/> completes.</param>
    /// <param name="file">The open file, which is closed at the end.</param>
    /// <exception cref="LinuxException">No descriptors are left; then the file is closed.</exception>
    public static FileSink Open(EventLoop loop, Descriptor file)
    {
        try
        {
            (Descriptor read, Descriptor write) = Descriptor.Pipe();
            return new FileSink(write, loop.RunBlocking("write", () => Copy(read, file)));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void Copy(Descriptor pipe, Descriptor file)
    {
        using (pipe)
        using (file)
        {
            Span<byte> buffer = stackalloc byte[BufferBytes];
            while (true)
            {
                int count = pipe.TryRead(buffer, out Errno errno);
                if (count < 0)
                    throw new LinuxException(errno, "read", pipe.ToString());
                if (count == 0)
                    return;
                for (ReadOnlySpan<byte> left = buffer[..count]; left.Length > 0; left = left[count..])
                    if ((count = file.TryWrite(left, out errno)) < 0)
                        throw new LinuxException(errno, "write", file.ToString());
            }
        }
    }
}
