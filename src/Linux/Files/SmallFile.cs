using System.Buffers;
using System.Text;

namespace Linux;

/// <summary>Whole small files of the kernel's (procfs, cgroupfs) by plain open, read and write: each file is one
/// answer, made when it is read and taken when it is written.</summary>
internal static class SmallFile
{
    private const int Limit = 64 << 20;

    /// <summary>The file's text.</summary>
    /// <exception cref="LinuxException">It cannot be read; EFBIG beyond 64 MiB.</exception>
    internal static string ReadText(string path)
    {
        using Descriptor file = Descriptor.Open(path, OpenFlags.O_RDONLY);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            for (int length = 0; ;)
            {
                int count = file.TryRead(buffer.AsSpan(length), out Errno errno);
                if (count < 0)
                    throw new LinuxException(errno, "read", path);
                if (count == 0)
                    return Encoding.UTF8.GetString(buffer, 0, length);
                length += count;
                if (length == buffer.Length)
                    buffer = Grow(buffer, path);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The file's text, or null if there is no such file (or process, or device).</summary>
    internal static string? TryReadText(string path)
    {
        try
        {
            return ReadText(path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH or Errno.ENODEV or Errno.ENOTDIR
            or Errno.EOPNOTSUPP)
        {
            return null;
        }
    }

    /// <summary>Writes an existing file in one write(2), as the kernel's control files want it.</summary>
    /// <exception cref="LinuxException">It was refused.</exception>
    internal static void WriteText(string path, string text)
    {
        using Descriptor file = Descriptor.Open(path, OpenFlags.O_WRONLY);
        if (file.TryWrite(Encoding.UTF8.GetBytes(text), out Errno errno) < 0)
            throw new LinuxException(errno, "write", path);
    }

    private static byte[] Grow(byte[] full, string path)
    {
        if (full.Length >= Limit)
            throw new LinuxException(Errno.EFBIG, "read", path);
        byte[] larger = ArrayPool<byte>.Shared.Rent(full.Length * 2);
        full.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(full);
        return larger;
    }
}
