using System.Buffers;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// The send path of one connection: a queue of frames and at most one write under way.
/// <para>
/// Whoever finds no write under way becomes the writer and writes until the queue is empty; the others leave their
/// frame and go. While the stream takes everything at once, as sockets mostly do, no task exists at all. The writer
/// owns the frame it writes, the queue the others; <see cref="Close"/> returns those of the queue.
/// </para>
/// </summary>
internal sealed class FrameSender(Stream stream, ArrayPool<byte> pool, TtrpcLimits limits, Action<Exception> failed)
{
    private readonly Lock _gate = new();
    private readonly Queue<OutgoingFrame> _queue = new();
    private bool _writing;
    private bool _closed;
    private long _unsent;
    private TaskCompletionSource? _changed;

    /// <summary>More is waiting than the peer should be given to do: readers and stream writers wait.</summary>
    public bool IsFull => Volatile.Read(ref _unsent) > limits.UnsentBytes;

    /// <summary>Nothing more may be added.</summary>
    public bool IsOverfull => Volatile.Read(ref _unsent) > limits.MaxUnsentBytes;

    /// <summary>Takes the frame over and sends it after those before it.</summary>
    public void Send(OutgoingFrame frame)
    {
        if (Enqueue(frame))
            Pump();
    }

    /// <summary>
    /// Takes the frame over. True if the caller is the writer now and must call <see cref="Pump"/>; this way a
    /// client can give numbers and queue frames in one order without writing under its lock.
    /// </summary>
    public bool Enqueue(OutgoingFrame frame)
    {
        lock (_gate)
        {
            if (_closed)
            {
                frame.Return(pool);
                return false;
            }

            _queue.Enqueue(frame);
            _unsent += frame.Length;
            if (_writing)
                return false;
            return _writing = true;
        }
    }

    /// <summary>Writes until the queue is empty; goes on in the background if the stream makes it wait.</summary>
    public void Pump()
    {
        while (TryNext(out OutgoingFrame frame))
        {
            ValueTask write = BeginWrite(frame);
            if (!write.IsCompletedSuccessfully)
            {
                _ = PumpSlowlyAsync(write, frame);
                return;
            }

            // A source-backed ValueTask wants its result taken, even if it is nothing.
            write.GetAwaiter().GetResult();
            Written(frame);
        }
    }

    /// <summary>Waits until <see cref="IsFull"/> is over or the sender is closed.</summary>
    public async Task WaitForRoomAsync()
    {
        while (Watch(static s => !s._closed && s.IsFull) is { } changed)
            await changed;
    }

    /// <summary>Waits until everything is written or the sender is closed.</summary>
    public async Task WaitUntilSentAsync()
    {
        while (Watch(static s => !s._closed && s._unsent > 0) is { } changed)
            await changed;
    }

    /// <summary>After <see cref="Close"/>: waits until the write under way has ended and its buffer is back.</summary>
    public async Task WaitUntilIdleAsync()
    {
        while (Watch(static s => s._writing) is { } changed)
            await changed;
    }

    /// <summary>
    /// Forgets what is queued and takes nothing more. A write under way is ended by closing the stream.
    /// </summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            while (_queue.TryDequeue(out OutgoingFrame frame))
                frame.Return(pool);
            SignalLocked();
        }
    }

    private async Task PumpSlowlyAsync(ValueTask write, OutgoingFrame frame)
    {
        do
        {
            try
            {
                await write;
            }
            catch (Exception error)
            {
                frame.Return(pool);
                lock (_gate)
                {
                    _writing = false;
                    SignalLocked();
                }

                failed(error);
                return;
            }

            Written(frame);
            if (!TryNext(out frame))
                return;
            write = BeginWrite(frame);
        }
        while (true);
    }

    private ValueTask BeginWrite(OutgoingFrame frame)
    {
        try
        {
            return stream.WriteAsync(frame.Memory);
        }
        catch (Exception error)
        {
            // A disposed stream throws at once; there is one place for failures.
            return ValueTask.FromException(error);
        }
    }

    private bool TryNext(out OutgoingFrame frame)
    {
        lock (_gate)
        {
            if (_queue.TryDequeue(out frame))
                return true;
            // Under the same lock as Enqueue: a frame is either seen here or makes its sender the writer.
            _writing = false;
            if (_closed)
                SignalLocked();
            return false;
        }
    }

    private void Written(OutgoingFrame frame)
    {
        frame.Return(pool);
        lock (_gate)
        {
            _unsent -= frame.Length;
            SignalLocked();
        }
    }

    // Wakes all who wait; each looks again whether it was for them.
    private void SignalLocked()
    {
        _changed?.SetResult();
        _changed = null;
    }

    private Task? Watch(Func<FrameSender, bool> condition)
    {
        lock (_gate)
        {
            if (!condition(this))
                return null;
            _changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _changed.Task;
        }
    }
}
