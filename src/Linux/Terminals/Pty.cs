namespace Linux;

/// <summary>Pseudo terminals (pty(7)).</summary>
public static class Pty
{
    /// <summary>Opens a new pair. The slave does not become anybody's controlling terminal by this.</summary>
    /// <exception cref="LinuxException">No pty or no descriptor is left.</exception>
    public static unsafe (Descriptor Master, Descriptor Slave) Open()
    {
        Descriptor master = Descriptor.Open("/dev/ptmx", OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        try
        {
            int unlocked = 0;
            LinuxException.ThrowIfFailed(Libc.ioctl(master, Libc.TIOCSPTLCK, (nint)(&unlocked)), "ioctl TIOCSPTLCK");
            // By the master's descriptor and not by name: the name may be of another mount of devpts.
            int flags = (OpenFlags.O_RDWR | OpenFlags.O_NOCTTY).ToNative();
            int slave = Libc.ioctl(master, Libc.TIOCGPTPEER, flags);
            return (master, new Descriptor(LinuxException.ThrowIfFailed(slave, "ioctl TIOCGPTPEER")));
        }
        catch
        {
            master.Dispose();
            throw;
        }
    }

    /// <summary>Sets the window size; the foreground processes get SIGWINCH if it changed.</summary>
    /// <param name="terminal">Either side.</param>
    /// <param name="columns">Width in characters.</param>
    /// <param name="rows">Height in characters.</param>
    /// <exception cref="LinuxException">ENOTTY: it is no terminal. EIO: it is gone.</exception>
    public static unsafe void Resize(Descriptor terminal, int columns, int rows)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        Libc.winsize size = new() { ws_col = Dimension(columns, "columns"), ws_row = Dimension(rows, "rows") };
        LinuxException.ThrowIfFailed(Libc.ioctl(terminal, Libc.TIOCSWINSZ, (nint)(&size)), "ioctl TIOCSWINSZ",
            terminal.ToString());
    }

    /// <summary>The window size.</summary>
    /// <exception cref="LinuxException">ENOTTY: it is no terminal.</exception>
    public static unsafe (int Columns, int Rows) Size(Descriptor terminal)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        Libc.winsize size;
        LinuxException.ThrowIfFailed(Libc.ioctl(terminal, Libc.TIOCGWINSZ, (nint)(&size)), "ioctl TIOCGWINSZ",
            terminal.ToString());
        return (size.ws_col, size.ws_row);
    }

    /// <summary>Whether a descriptor is the master side of a pty.</summary>
    public static unsafe bool IsMaster(Descriptor descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        uint number;
        return Libc.ioctl(descriptor, Libc.TIOCGPTN, (nint)(&number)) == 0;
    }

    private static ushort Dimension(int value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value, name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, ushort.MaxValue, name);
        return (ushort)value;
    }
}
