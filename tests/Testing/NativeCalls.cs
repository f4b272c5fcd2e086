using System.Runtime.InteropServices;
using Linux;

namespace Testing;

/// <summary>System calls that only tests make: FIFOs, both sides of a terminal, descriptors over a socket.</summary>
public static unsafe partial class NativeCalls
{
    private const int HeaderBytes = 16;

    /// <summary>Creates a FIFO with mode 0600, less the umask.</summary>
    /// <param name="path">The path, which must not exist.</param>
    /// <exception cref="LinuxException">It cannot be created; EEXIST: the path exists.</exception>
    public static void CreateFifo(string path)
    {
        const uint OwnerReadWrite = 0x180;
        ThrowIfFailed(mkfifo(path, OwnerReadWrite), "mkfifo", path);
    }

    /// <summary>Opens the reading end of a FIFO without waiting for a writer.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static Descriptor OpenFifoToRead(string path) =>
        Descriptor.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);

    /// <summary>Reads what is in a descriptor that does not block.</summary>
    /// <returns>The number of bytes; 0 if there are none.</returns>
    public static int ReadAvailable(Descriptor descriptor, byte[] buffer)
    {
        fixed (byte* start = buffer)
            return Math.Max((int)read(descriptor, start, (nuint)buffer.Length), 0);
    }

    /// <summary>Opens a new pseudo terminal (pty(7)). The slave does not become a controlling terminal.</summary>
    /// <exception cref="LinuxException">No terminal or no descriptor is left.</exception>
    public static (Descriptor Master, Descriptor Slave) OpenTerminal()
    {
        const nuint TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441;
        const int O_RDWR = 2, O_NOCTTY = 0x100, O_CLOEXEC = 0x80000;
        Descriptor master = Descriptor.Open("/dev/ptmx", OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        try
        {
            int unlocked = 0;
            ThrowIfFailed(ioctl(master, TIOCSPTLCK, (nint)(&unlocked)), "ioctl TIOCSPTLCK", null);
            // By the master's descriptor and not by name: the name may belong to another mount of devpts.
            int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
            return (master, Descriptor.Inherit(ThrowIfFailed(slave, "ioctl TIOCGPTPEER", null)));
        }
        catch
        {
            master.Dispose();
            throw;
        }
    }

    /// <summary>The window size of a terminal, by either side.</summary>
    /// <exception cref="LinuxException">ENOTTY: not a terminal.</exception>
    public static (int Columns, int Rows) TerminalSize(Descriptor terminal)
    {
        const nuint TIOCGWINSZ = 0x5413;
        ushort* size = stackalloc ushort[4]; // struct winsize: rows, columns, and both in pixels
        ThrowIfFailed(ioctl(terminal, TIOCGWINSZ, (nint)size), "ioctl TIOCGWINSZ", terminal.ToString());
        return (size[1], size[0]);
    }

    /// <summary>Two connected stream sockets.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static (Descriptor One, Descriptor Other) SocketPair()
    {
        const int AF_UNIX = 1, SOCK_STREAM = 1, SOCK_CLOEXEC = 0x80000;
        int* pair = stackalloc int[2];
        ThrowIfFailed(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair", null);
        return (Descriptor.Inherit(pair[0]), Descriptor.Inherit(pair[1]));
    }

    /// <summary>Sends bytes and descriptors as one message (SCM_RIGHTS, unix(7)). Does not wait: a fresh connection has
    /// room.</summary>
    /// <param name="socket">A connected unix socket.</param>
    /// <param name="payload">At least one byte.</param>
    /// <param name="rights">The descriptors of each control message; they stay the sender's.</param>
    /// <exception cref="LinuxException">The message cannot be sent.</exception>
    public static void SendDescriptors(
        Descriptor socket, ReadOnlySpan<byte> payload, params ReadOnlySpan<Descriptor[]> rights)
    {
        const int SOL_SOCKET = 1, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000, Capacity = 256;
        byte* control = stackalloc byte[Capacity];
        new Span<byte>(control, Capacity).Clear();
        int length = 0;
        foreach (Descriptor[] descriptors in rights)
        {
            // struct cmsghdr: the length with this header, the level, the type
            int bytes = HeaderBytes + (descriptors.Length * sizeof(int));
            *(nuint*)(control + length) = (nuint)bytes;
            *(int*)(control + length + 8) = SOL_SOCKET;
            *(int*)(control + length + 12) = SCM_RIGHTS;
            for (int i = 0; i < descriptors.Length; i++)
                ((int*)(control + length + HeaderBytes))[i] = descriptors[i].Fd;
            length += (bytes + 7) & ~7;
        }
        fixed (byte* start = payload)
        {
            nint* bytes = stackalloc nint[2] { (nint)start, payload.Length };
            // struct msghdr: name and its length, iovec and how many, control and its length, flags
            nint* message = stackalloc nint[7] { 0, 0, (nint)bytes, 1, (nint)control, length, 0 };
            ThrowIfFailed((int)sendmsg(socket, message, MSG_NOSIGNAL), "sendmsg SCM_RIGHTS", socket.ToString());
        }
    }

    private static int ThrowIfFailed(int result, string call, string? target) => result >= 0
        ? result
        : throw new LinuxException((Errno)Marshal.GetLastPInvokeError(), call, target);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(Descriptor descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkfifo(string path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(Descriptor descriptor, nuint request, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socketpair(int domain, int type, int protocol, int* pair);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(Descriptor socket, void* message, int flags);
}
