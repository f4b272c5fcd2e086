namespace Linux;

/// <summary>Pseudo terminals (pty(7)).</summary>
public static class Pty
{
    /// <summary>Sets the window size; if it changes, the foreground processes get SIGWINCH.</summary>
    /// <param name="terminal">Either side.</param>
    /// <param name="columns">Width in characters.</param>
    /// <param name="rows">Height in characters.</param>
    /// <exception cref="LinuxException">ENOTTY: not a terminal. EIO: the terminal is gone.</exception>
    public static unsafe void Resize(Descriptor terminal, int columns, int rows)
    {
        ArgumentNullException.ThrowIfNull(terminal);
        Libc.winsize size = new() { ws_col = Dimension(columns, "columns"), ws_row = Dimension(rows, "rows") };
        LinuxException.ThrowIfFailed(Libc.ioctl(terminal, Libc.TIOCSWINSZ, (nint)(&size)), "ioctl TIOCSWINSZ",
            terminal.ToString());
    }

    /// <summary>Whether a descriptor is the master side of a pty.</summary>
    internal static unsafe bool IsMaster(Descriptor descriptor)
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
