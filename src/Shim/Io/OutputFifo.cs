using Linux;

namespace Shim.Io;

/// <summary>The shim's end of a FIFO to which a container writes and from which containerd reads.</summary>
/// <remarks>
/// It is open for reading and writing as long as the process lives. Since there is always a reader, the process gets no
/// SIGPIPE when containerd goes away; since there is always a writer, containerd sees no end of file when it returns.
/// When the process has ended, this end must be closed, or readers would wait forever. But closing it before the last
/// output is read, for instance while containerd restarts, would lose the output. So it is closed when the FIFO is
/// empty.
/// </remarks>
internal sealed class OutputFifo : IDisposable
{
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private readonly Descriptor _keptOpen;
    private readonly TimeProvider _time;
    private ITimer? _lookAgain;
    private TimeSpan _pause = s_firstLook;

    private OutputFifo(Descriptor keptOpen, TimeProvider time) => (_keptOpen, _time) = (keptOpen, time);

    /// <summary>Opens the FIFO.</summary>
    /// <returns>The shim's end, and the container's: write-only and blocking, as programs expect stdout.</returns>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    public static (OutputFifo Kept, Descriptor Container) Open(string path, TimeProvider time)
    {
        Descriptor kept = Fifo.OpenBoth(path);
        try
        {
            return (new OutputFifo(kept, time), Descriptor.Open(path, OpenFlags.O_WRONLY));
        }
        catch
        {
            kept.Dispose();
            throw;
        }
    }

    /// <summary>The process has ended: closes now, or when the last output has been read.</summary>
    public void CloseWhenRead()
    {
        if (_keptOpen.IsClosed)
            return;
        if (Fifo.Unread(_keptOpen) == 0)
        {
            Dispose();
            return;
        }
        _lookAgain ??= _time.CreateTimer(
            _ => CloseWhenRead(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _lookAgain.Change(_pause, Timeout.InfiniteTimeSpan);
        _pause = Backoff.Next(_pause, s_longestPause);
    }

    /// <summary>Closes now.</summary>
    public void Dispose()
    {
        _lookAgain?.Dispose();
        _keptOpen.Dispose();
    }
}
