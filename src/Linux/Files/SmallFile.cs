using System.Buffers;
using System.Text;

namespace Linux;

/// <summary>Reads and writes the kernel's small files (procfs, cgroupfs) whole, by plain open, read and write: the
/// kernel produces the content on each read and takes each write as one value.</summary>
internal static class SmallFile
{
    private const int Limit = 64 << 20;

    /// <summary>The file's text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isOneRecord">
    /// Whether the kernel writes all of it in one piece, as it does for a group's figures: then it ends with a line
    /// that does not fill the buffer, and is not read again to see its end.
    /// </param>
    /// <exception cref="LinuxException">The file cannot be read; EFBIG: over 64 MiB.</exception>
    internal static string ReadText(string path, bool isOneRecord = false)
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
                length += count;
                if (count == 0 || (isOneRecord && length < buffer.Length && buffer[length - 1] == '\n'))
                    return Encoding.UTF8.GetString(buffer, 0, length);
                if (length == buffer.Length)
                    buffer = Grow(buffer, path);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The file's text, or null if the file, process or device does not exist.</summary>
    /// <inheritdoc cref="ReadText"/>
    internal static string? TryReadText(string path, bool isOneRecord = false)
    {
        try
        {
            return ReadText(path, isOneRecord);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH or Errno.ENODEV or Errno.ENOTDIR
            or Errno.EOPNOTSUPP)
        {
            return null;
        }
    }

    /// <summary>Writes an existing file with one write(2), as the kernel's control files require.</summary>
    /// <exception cref="LinuxException">The kernel refused the text.</exception>
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
