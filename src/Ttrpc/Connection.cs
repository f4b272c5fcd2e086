using System.Buffers;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// The common part of server and client connections: one receive loop, one send path, one close.
/// <para>
/// The loop reads, splits the bytes into frames and passes each to <see cref="Dispatch"/>, which never waits. The
/// loop itself waits for three things: bytes from the peer, room in the full queue of a stream, and, at a server, the
/// peer to read its responses. Closing wakes the loop by disposing the stream, which must end its reads and writes.
/// </para>
/// </summary>
internal abstract class Connection
{
    // Frames handled in a row before the loop yields to other work on its thread.
    private const int FramesInARow = 64;

    /// <summary>The longest timer, about 49 days. A longer deadline is treated as no deadline.</summary>
    public static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly Stream _stream;
    private readonly FrameBuffer _incoming;
    private long _heldBytes;
    private CloseCause? _closeCause;

    /// <summary>Takes ownership of <paramref name="stream"/>; does not use it yet.</summary>
    protected Connection(Stream stream, TtrpcLimits limits, ArrayPool<byte> pool, TimeProvider time)
    {
        _stream = stream;
        _incoming = new FrameBuffer(pool);
        Limits = limits;
        Pool = pool;
        Time = time;
        Sender = new FrameSender(
            stream, pool, limits, error => Close(new CloseCause(TtrpcCloseReason.WriteFailed, error)));
    }

    /// <summary>The limits of this connection.</summary>
    public TtrpcLimits Limits { get; }

    /// <summary>The pool for frame buffers.</summary>
    public ArrayPool<byte> Pool { get; }

    /// <summary>The clock for deadlines and timeouts.</summary>
    public TimeProvider Time { get; }

    /// <summary>The send path.</summary>
    public FrameSender Sender { get; }

    /// <summary>Why the connection closed; null while it is open.</summary>
    public CloseCause? CloseCause => Volatile.Read(ref _closeCause);

    /// <summary>
    /// Whether reading pauses while too many bytes are unsent. A client must not pause: both sides would wait for
    /// each other forever.
    /// </summary>
    protected abstract bool PausesWhenFull { get; }

    /// <summary>The stream queue that the last <see cref="Dispatch"/> filled, if any.</summary>
    protected MessageQueue? Stalled { get; set; }

    /// <summary>Receives until either side closes the connection; never throws.</summary>
    public async Task ReceiveAsync()
    {
        try
        {
            int inARow = 0;
            while (CloseCause is null)
            {
                while (CloseCause is null && _incoming.TryTake(out Frame frame))
                {
                    Dispatch(frame);
                    if (Stalled is { } queue)
                    {
                        Stalled = null;
                        await queue.WaitForRoomAsync(Limits.StallTimeout, Time);
                    }

                    if (++inARow < FramesInARow)
                        continue;
                    inARow = 0;
                    await Task.Yield();
                }

                if (PausesWhenFull && Sender.IsFull)
                    await Sender.WaitForRoomAsync();
                if (CloseCause is not null)
                    break;

                int count;
                try
                {
                    count = await _stream.ReadAsync(_incoming.GetMemory());
                }
                catch (Exception e)
                {
                    // Also reached after Close, whose reason is then kept.
                    Close(new CloseCause(TtrpcCloseReason.ReadFailed, e));
                    break;
                }

                if (count == 0)
                    Close(new CloseCause(TtrpcCloseReason.PeerClosed));
                else
                    _incoming.Advance(count);
            }
        }
        catch (Exception e)
        {
            // Dispatch catches the exceptions of handlers, so this one is a bug here.
            Close(new CloseCause(TtrpcCloseReason.InternalError, e));
        }
        finally
        {
            _incoming.Release();
            // When this method completes, callers may assume that the stream is no longer in use.
            await Sender.WaitUntilIdleAsync();
        }
    }

    /// <summary>Closes the connection; only the first cause is kept. Never throws.</summary>
    public void Close(CloseCause cause)
    {
        if (Interlocked.CompareExchange(ref _closeCause, cause, null) is not null)
            return;
        Sender.Close();
        _stream.Dispose();
        Closed(cause);
    }

    /// <summary>
    /// Reserves bytes for a message that is kept; false, with nothing reserved, if that exceeds the limit.
    /// </summary>
    public bool TryReserve(int bytes)
    {
        if (Interlocked.Add(ref _heldBytes, bytes) <= Limits.HeldBytes)
            return true;
        Release(bytes);
        return false;
    }

    /// <summary>Releases the bytes of a message that is no longer kept.</summary>
    public void Release(int bytes) => Interlocked.Add(ref _heldBytes, -bytes);

    /// <summary>Handles one frame without waiting; closes the connection if the frame violates the protocol.</summary>
    protected abstract void Dispatch(in Frame frame);

    /// <summary>Ends all calls. Called once, on the thread that closed the connection.</summary>
    protected abstract void Closed(CloseCause cause);

    /// <summary>Closes the connection because of a frame that the peer must not send.</summary>
    protected void Refuse(TtrpcCloseReason reason, in FrameHeader header) =>
        Close(new CloseCause(reason, null, header));
}
