using System.Buffers;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// What server and client have in common: one receive loop, one send path, one end.
/// <para>
/// The loop reads, cuts frames and gives each to <see cref="Dispatch"/>, which never waits. Three things make the
/// loop itself wait: the peer (nothing to read), a stream whose queue is full, and, at a server, a peer that does
/// not read its answers. Closing wakes it by disposing of the stream, whose reads and writes must end then.
/// </para>
/// </summary>
internal abstract class Connection
{
    // Frames served in a row before others on the same thread get their turn.
    private const int FramesInARow = 64;

    /// <summary>The longest wait that a timer takes, about 49 days. A deadline beyond it is none in practice.</summary>
    public static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly Stream _stream;
    private readonly FrameBuffer _incoming;
    private long _heldBytes;
    private Closure? _closure;

    /// <summary>Takes over <paramref name="stream"/>; nothing happens before <see cref="ReceiveAsync"/>.</summary>
    protected Connection(Stream stream, TtrpcLimits limits, ArrayPool<byte> pool, TimeProvider time)
    {
        _stream = stream;
        _incoming = new FrameBuffer(pool);
        Limits = limits;
        Pool = pool;
        Time = time;
        Sender = new FrameSender(
            stream, pool, limits, error => Close(new Closure(TtrpcCloseReason.WriteFailed, error)));
    }

    /// <summary>What this connection may use.</summary>
    public TtrpcLimits Limits { get; }

    /// <summary>Where frames get their buffers.</summary>
    public ArrayPool<byte> Pool { get; }

    /// <summary>The clock of deadlines and bounds.</summary>
    public TimeProvider Time { get; }

    /// <summary>The send path.</summary>
    public FrameSender Sender { get; }

    /// <summary>Why the connection ended; null while it has not.</summary>
    public Closure? Closure => Volatile.Read(ref _closure);

    /// <summary>
    /// Whether reading stops while answers pile up. A client must not: both sides would wait for ever.
    /// </summary>
    protected abstract bool PausesWhenFull { get; }

    /// <summary>A stream whose queue is full after the last <see cref="Dispatch"/>.</summary>
    protected MessageQueue? Stalled { get; set; }

    /// <summary>Receives until the connection ends, by whichever side; never throws.</summary>
    public async Task ReceiveAsync()
    {
        try
        {
            int inARow = 0;
            while (Closure is null)
            {
                while (Closure is null && _incoming.TryTake(out Frame frame))
                {
                    Dispatch(frame);
                    if (Stalled is { } queue)
                    {
                        Stalled = null;
                        await queue.WaitForRoomAsync(Limits.StallBound, Time);
                    }

                    if (++inARow < FramesInARow)
                        continue;
                    inARow = 0;
                    await Task.Yield();
                }

                if (PausesWhenFull && Sender.IsFull)
                    await Sender.WaitForRoomAsync();
                if (Closure is not null)
                    break;

                int count;
                try
                {
                    count = await _stream.ReadAsync(_incoming.GetMemory());
                }
                catch (Exception error)
                {
                    // Also the way out after Close, whose reason came first then.
                    Close(new Closure(TtrpcCloseReason.ReadFailed, error));
                    break;
                }

                if (count == 0)
                    Close(new Closure(TtrpcCloseReason.PeerClosed));
                else
                    _incoming.Advance(count);
            }
        }
        catch (Exception error)
        {
            // Dispatch catches what handlers throw, so this is ours.
            Close(new Closure(TtrpcCloseReason.InternalError, error));
        }
        finally
        {
            _incoming.Release();
            // Whoever waits for this may take the stream for unused.
            await Sender.WaitUntilIdleAsync();
        }
    }

    /// <summary>Ends the connection; the first reason stays. Never throws.</summary>
    public void Close(Closure closure)
    {
        if (Interlocked.CompareExchange(ref _closure, closure, null) is not null)
            return;
        Sender.Close();
        _stream.Dispose();
        Closed(closure);
    }

    /// <summary>Counts bytes of a message that is kept; false, and not counted, if that is too much.</summary>
    public bool TryHold(int bytes)
    {
        if (Interlocked.Add(ref _heldBytes, bytes) <= Limits.HeldBytes)
            return true;
        LetGo(bytes);
        return false;
    }

    /// <summary>Uncounts bytes of a message that is dealt with.</summary>
    public void LetGo(int bytes) => Interlocked.Add(ref _heldBytes, -bytes);

    /// <summary>Deals with one frame without waiting; closes the connection if it must not be.</summary>
    protected abstract void Dispatch(in Frame frame);

    /// <summary>Ends all calls. Called once, by whoever closed.</summary>
    protected abstract void Closed(Closure closure);

    /// <summary>Closes because of a frame that the peer must not send.</summary>
    protected void Refuse(TtrpcCloseReason reason, in FrameHeader header) => Close(new Closure(reason, null, header));
}
