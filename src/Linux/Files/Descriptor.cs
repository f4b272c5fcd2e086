using System.Runtime.InteropServices;

namespace Linux;

/// <summary>
/// One owned file descriptor, always close-on-exec. Whoever holds it disposes it; a descriptor given to
/// <see cref="DescriptorStream"/> or <see cref="UnixListener"/> belongs to that object from then on.
/// </summary>
public sealed class Descriptor : SafeHandle
{
    private const uint NewFileMode = 0x180; // 0600

    /// <summary>Takes ownership of an open descriptor number and leaves its flags as they are.</summary>
    /// <param name="fd">The number; below zero makes an invalid handle.</param>
    internal Descriptor(int fd) : base(-1, ownsHandle: true) => SetHandle(fd);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>The descriptor's number.</summary>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
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

    /// <summary>Opens a file to append to, made with mode 0600 where it is missing, without ever waiting.</summary>
    /// <param name="path">The path.</param>
    /// <param name="flags">Further flags; with O_NONBLOCK the descriptor stays non-blocking.</param>
    /// <exception cref="LinuxException">It cannot be opened; EINVAL: it is a FIFO, which would wait for its reader.</exception>
    public static Descriptor OpenToAppend(string path, OpenFlags flags = OpenFlags.O_CREAT)
    {
        Descriptor file;
        try
        {
            file = Open(path, flags | OpenFlags.O_WRONLY | OpenFlags.O_APPEND | OpenFlags.O_NONBLOCK | OpenFlags.O_NOCTTY);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENXIO)
        {
            throw new LinuxException(Errno.EINVAL, "open", path, "it is a FIFO that nobody reads");
        }
        try
        {
            if (Fifo.Is(file))
                throw new LinuxException(Errno.EINVAL, "open", path, "it is a FIFO, not a file");
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

    /// <summary>Takes over a descriptor inherited from the parent process and makes it close-on-exec.</summary>
    /// <param name="fd">The number that both sides agreed on.</param>
    /// <exception cref="LinuxException">Nothing is open there (EBADF).</exception>
    public static Descriptor Inherit(int fd)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(fd);
        Descriptor inherited = new(fd);
        if (Libc.fcntl(inherited, Libc.F_SETFD, 1) < 0)
        {
            LinuxException failure = new(LinuxException.LastErrno, "inherit descriptor", inherited.ToString());
            inherited.SetHandleAsInvalid(); // nothing of ours is open there, so nothing to close
            throw failure;
        }
        return inherited;
    }

    /// <summary>A pipe: what is written to the second is read from the first.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static unsafe (Descriptor Read, Descriptor Write) Pipe()
    {
        int* ends = stackalloc int[2];
        LinuxException.ThrowIfFailed(Libc.pipe2(ends, OpenFlags.O_RDONLY.ToNative()), "pipe2");
        return (new Descriptor(ends[0]), new Descriptor(ends[1]));
    }

    /// <summary>A second descriptor for the same open file; offset and O_NONBLOCK are shared with it.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public Descriptor Duplicate() => DuplicateFrom(0);

    /// <summary>Like <see cref="Duplicate"/>, with a number not below <paramref name="lowest"/>.</summary>
    internal Descriptor DuplicateFrom(int lowest) =>
        new(LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_DUPFD_CLOEXEC, lowest), "dup", ToString()));

    /// <summary>Makes reads and writes fail with EAGAIN where they would wait. The flag belongs to the open file, so
    /// duplicates and children that share it see it too.</summary>
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
        LinuxException.ThrowIfFailed(Libc.fcntl(this, Libc.F_SETFL, flags & ~Libc.O_NONBLOCK), "fcntl F_SETFL", ToString());
    }

    /// <summary>Reads once.</summary>
    /// <returns>The number of bytes, 0 at the end, or -1 with the reason in <paramref name="errno"/>.</returns>
    internal unsafe int TryRead(Span<byte> buffer, out Errno errno)
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

    /// <summary>Writes once, perhaps only a part.</summary>
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

    /// <summary>Gives the open file another owner and group.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public void ChangeOwner(uint uid, uint gid) =>
        LinuxException.ThrowIfFailed(Libc.fchown(this, uid, gid), "fchown", ToString());

    /// <summary>The path through which another call can reach this very file, whatever happens to its name. Valid
    /// while the descriptor is open, in every thread of this process.</summary>
    internal string ProcPath => $"/proc/self/fd/{Fd}";

    /// <inheritdoc/>
    public override string ToString() => $"fd {handle}";

    /// <inheritdoc/>
    // Linux frees the number even when close reports EINTR or EIO: trying again could close another's file.
    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
