namespace Linux;

/// <summary>
/// Named pipes (fifo(7)), opened without ever blocking.
/// </summary>
/// <remarks>A plain open of one end waits for somebody to open the other. Linux opens both at once with O_RDWR, which
/// never waits; holding that also means that the other side's coming and going is not noticed: no end of file for a
/// reader here, no EPIPE for a writer here.</remarks>
public static class Fifo
{
    /// <summary>Whether a path is a FIFO; false also if nothing is there.</summary>
    /// <exception cref="LinuxException">It may not be looked at.</exception>
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
    /// <exception cref="LinuxException">It cannot be looked at.</exception>
    public static bool Is(Descriptor descriptor) => FileStatus.Of(descriptor).Kind == FileKind.Fifo;

    /// <summary>Opens the writing end, whether or not anybody reads. Without a reader writes fail with EPIPE.</summary>
    /// <exception cref="LinuxException">It cannot be opened, or is no FIFO (EINVAL).</exception>
    public static Descriptor OpenWrite(string path)
    {
        // O_WRONLY alone fails with ENXIO while nobody reads; for this one moment we do.
        using Descriptor both = OpenBoth(path);
        return Open(path, OpenFlags.O_WRONLY);
    }

    /// <summary>Opens both ends as one descriptor.</summary>
    /// <exception cref="LinuxException">It cannot be opened, or is no FIFO (EINVAL).</exception>
    public static Descriptor OpenBoth(string path) => Open(path, OpenFlags.O_RDWR);

    /// <summary>How many bytes were written and not yet read.</summary>
    /// <param name="fifo">Either end of a FIFO or pipe.</param>
    /// <exception cref="LinuxException">It is no such end.</exception>
    public static unsafe int Unread(Descriptor fifo)
    {
        int count;
        LinuxException.ThrowIfFailed(Libc.ioctl(fifo, Libc.FIONREAD, (nint)(&count)), "ioctl FIONREAD", fifo.ToString());
        return count;
    }

    private static Descriptor Open(string path, OpenFlags flags)
    {
        Descriptor opened = Descriptor.Open(path, flags | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        if (FileStatus.Of(opened).Kind == FileKind.Fifo)
            return opened;
        opened.Dispose();
        throw new LinuxException(Errno.EINVAL, "open", path, "it is no FIFO");
    }
}
