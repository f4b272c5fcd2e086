using System.Runtime.InteropServices;

namespace Linux;

/// <summary>
/// An owned file descriptor, always close-on-exec. Its holder disposes it; a descriptor passed to
/// <see cref="DescriptorStream"/> or <see cref="UnixListener"/> belongs to that object from then on.
/// </summary>
public sealed class Descriptor : SafeHandle
{
    private const uint NewFileMode = 0x180; // 0600

    /// <summary>Takes ownership of an open descriptor and leaves its flags unchanged.</summary>
    /// <param name="fd">The number; a negative one makes an invalid handle.</param>
    internal Descriptor(int fd) : base(-1, ownsHandle: true) => SetHandle(fd);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The descriptor's number.</summary>
    /// <exception cref="ObjectDisposedException">The descriptor is closed.</exception>
    public int Fd
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (int)handle;
        }
    }

    /// <summary>Opens a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="flags">How; O_CLOEXEC is added. A file made by O_CREAT gets mode 0600, less the umask.</param>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static Descriptor Open(string path, OpenFlags flags)
    {
        ArgumentNullException.ThrowIfNull(path);
        int fd;
        do
            fd = Libc.open(path, flags.ToNative(), NewFileMode);
        while (fd < 0 && LinuxException.LastErrno == Errno.EINTR);
        return new Descriptor(LinuxException.ThrowIfFailed(fd, "open", path));
    }

    /// <summary>Opens a path relative to this directory.</summary>
    /// <param name="path">The path.</param>
    /// <param name="flags">How; O_CLOEXEC is added. A file made by O_CREAT gets mode 0600, less the umask.</param>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    internal Descriptor OpenAt(string path, OpenFlags flags)
    {
        ArgumentNullException.ThrowIfNull(path);
        int fd;
        do
            fd = Libc.openat(this, path, flags.ToNative(), NewFileMode);
        while (fd < 0 && LinuxException.LastErrno == Errno.EINTR);
        return new Descriptor(LinuxException.ThrowIfFailed(fd, "openat", path));
    }

    /// <summary>Opens a file to append to, without ever waiting. A missing file is created with mode 0600.</summary>
    /// <param name="path">The path.</param>
    /// <param name="flags">Further flags; with O_NONBLOCK the descriptor stays non-blocking.</param>
    /// <exception cref="LinuxException">It cannot be opened; EINVAL: it is a FIFO, which would wait for its
    /// reader.</exception>
    public static Descriptor OpenToAppend(string path, OpenFlags flags = OpenFlags.O_CREAT)
    {
        Descriptor file;
        try
        {
            const OpenFlags Always =
                OpenFlags.O_WRONLY | OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY;
            file = Open(path, flags | Always);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENXIO)
        {
            throw new LinuxException(Errno.EINVAL, "open", path, "a FIFO without a reader, not a file");
        }
        try
        {
            if (Fifo.Is(file))
                throw new LinuxException(Errno.EINVAL, "open", path, "a FIFO, not a file");
            if (!flags.HasFlag(OpenFlags.O_NONBLOCK))
                file.SetBlocking();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Takes ownership of a descriptor inherited from the parent process and makes it close-on-exec.</summary>
    /// <param name="fd">The number on which both processes agreed.</param>
    /// <exception cref="LinuxException">EBADF: the descriptor is not open.</exception>
    public static Descriptor Inherit(int fd)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fd);
        Descriptor inherited = new(fd);
        if (Libc.fcntl(inherited, Libc.F_SETFD, 1) < 0)
        {
            LinuxException failure = new(LinuxException.LastErrno, "inherit descriptor", inherited.ToString());
            inherited.SetHandleAsInvalid(); // not open, so there is nothing to close
            throw failure;
        }
        return inherited;
    }

    /// <summary>Creates a pipe.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static unsafe (Descriptor Read, Descriptor Write) Pipe()
    {
        int* ends = stackalloc int[2];
        LinuxException.ThrowIfFailed(Libc.pipe2(ends, OpenFlags.O_RDONLY.ToNative()), "pipe2");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>A second descriptor for the same open file, which shares its offset and O_NONBLOCK.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public Descriptor Duplicate() => DuplicateFrom(0);

    /// <summary>Like <see cref="Duplicate"/>, with a number not below <paramref name="lowest"/>.</summary>
    internal Descriptor DuplicateFrom(int lowest) =>
        new(LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_DUPFD_CLOEXEC, lowest), "dup", ToString()));

    /// <summary>Makes reads and writes fail with EAGAIN instead of waiting. The flag belongs to the open file, so it
    /// affects duplicates and children that share it.</summary>
    internal void SetNonBlocking()
    {
        int flags = LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_GETFL, 0), "fcntl F_GETFL", ToString());
        if ((flags & Libc.O_NONBLOCK) == 0)
            LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_SETFL, flags | Libc.O_NONBLOCK), "fcntl F_SETFL",
                ToString());
    }

    private void SetBlocking()
    {
        int flags = LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_GETFL, 0), "fcntl F_GETFL", ToString());
        LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_SETFL, flags & ~Libc.O_NONBLOCK), "fcntl F_SETFL",
            ToString());
    }

    /// <summary>Reads once.</summary>
    /// <returns>The number of bytes, 0 at the end, or -1 with the reason in <paramref name="errno"/>.</returns>
    public unsafe int TryRead(Span<byte> buffer, out Errno errno)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                nint count = Libc.read(this, start, (nuint)buffer.Length);
                errno = count < 0 ? LinuxException.LastErrno : Errno.None;
                if (errno != Errno.EINTR)
                    return (int)count;
            }
        }
    }

    /// <summary>Writes once; may write only a part.</summary>
    /// <returns>The number of bytes, or -1 with the reason in <paramref name="errno"/>.</returns>
    public unsafe int TryWrite(ReadOnlySpan<byte> buffer, out Errno errno)
    {
        fixed (byte* start = buffer)
        {
            while (true)
            {
                nint count = Libc.write(this, start, (nuint)buffer.Length);
                errno = count < 0 ? LinuxException.LastErrno : Errno.None;
                if (errno != Errno.EINTR)
                    return (int)count;
            }
        }
    }

    /// <summary>Changes the owner and group of the open file.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void ChangeOwner(uint uid, uint gid) =>
        LinuxException.ThrowIfFailed(Libc.fchown(this, uid, gid), "fchown", ToString());

    /// <summary>A path to this very file, whatever happens to its name. Valid while the descriptor is open, in all
    /// threads of this process.</summary>
    internal string ProcPath => $"/proc/self/fd/{Fd}";

    /// <inheritdoc/>
    public override string ToString() => $"fd {handle}";

    /// <inheritdoc/>
    // Linux frees the number even if close fails with EINTR or EIO: a second try could close another file.
    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
