namespace Linux;

/// <summary>
/// Named pipes (fifo(7)), opened without ever blocking.
/// </summary>
/// <remarks>A plain open of one end waits until the other end is opened. On Linux O_RDWR opens both ends and never
/// waits. While such a descriptor is open, a reader here sees no end of file and a writer here no EPIPE when the other
/// side closes.</remarks>
public static class Fifo
{
    /// <summary>Whether a path is a FIFO; false if it does not exist.</summary>
    /// <exception cref="LinuxException">Its status cannot be read.</exception>
    public static bool Is(string path)
    {
        try
        {
            return FileStatus.Of(path).Kind == FileKind.Fifo;
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR)
        {
            return false;
        }
    }

    /// <summary>Whether an open file is a FIFO or a pipe.</summary>
    /// <exception cref="LinuxException">Its status cannot be read.</exception>
    public static bool Is(Descriptor descriptor) => FileStatus.Of(descriptor).Kind == FileKind.Fifo;

    /// <summary>Opens the writing end, with or without a reader. Without a reader writes fail with EPIPE.</summary>
    /// <exception cref="LinuxException">It cannot be opened; EINVAL: not a FIFO.</exception>
    public static Descriptor OpenWrite(string path)
    {
        // O_WRONLY alone fails with ENXIO without a reader, so there is one during the open.
        using Descriptor both = OpenBoth(path);
        return Open(path, OpenFlags.O_WRONLY);
    }

    /// <summary>Opens both ends as one descriptor.</summary>
    /// <exception cref="LinuxException">It cannot be opened; EINVAL: not a FIFO.</exception>
    public static Descriptor OpenBoth(string path) => Open(path, OpenFlags.O_RDWR);

    /// <summary>The number of bytes that have been written but not read.</summary>
    /// <param name="fifo">Either end of a FIFO or pipe.</param>
    /// <exception cref="LinuxException">It is neither.</exception>
    public static unsafe int Unread(Descriptor fifo)
    {
        int count;
        LinuxException.ThrowIfFailed(Libc.ioctl(fifo, Libc.FIONREAD, (nint)(&count)), "ioctl FIONREAD",
            fifo.ToString());
        return count;
    }

    private static Descriptor Open(string path, OpenFlags flags)
    {
        Descriptor opened = Descriptor.Open(path, flags | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        if (FileStatus.Of(opened).Kind == FileKind.Fifo)
            return opened;
        opened.Dispose();
        throw new LinuxException(Errno.EINVAL, "open", path, "not a FIFO");
    }
}
