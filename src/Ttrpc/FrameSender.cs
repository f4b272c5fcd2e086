using System.Buffers;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// The send path of one connection: a queue of frames and at most one pending write.
/// <para>
/// A sender that finds no pending write becomes the writer and writes until the queue is empty; other senders only
/// queue their frame. While writes complete synchronously, as they mostly do on sockets, no task is created. The
/// writer owns the frame that it writes, the queue owns the others; <see cref="Close"/> returns the queue's buffers.
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

    /// <summary>Above the soft limit of unsent bytes: the server's reads and all stream writers wait.</summary>
    public bool IsFull => Volatile.Read(ref _unsent) > limits.UnsentBytes;

    /// <summary>Above the hard limit of unsent bytes: no more frames may be added.</summary>
    public bool IsOverfull => Volatile.Read(ref _unsent) > limits.MaxUnsentBytes;

    /// <summary>Takes ownership of the frame and sends it after the queued ones.</summary>
    public void Send(OutgoingFrame frame)
    {
        if (Enqueue(frame))
            Pump();
    }

    /// <summary>
    /// Takes ownership of the frame. True if the caller is now the writer and must call <see cref="Pump"/>. So a
    /// client can assign stream ids and queue frames in the same order without writing under its lock.
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

    /// <summary>Writes until the queue is empty; continues in the background once a write is pending.</summary>
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

            // A ValueTask backed by an IValueTaskSource must have its result taken, even if there is none.
            write.GetAwaiter().GetResult();
            Written(frame);
        }
    }

    /// <summary>Waits until <see cref="IsFull"/> is false or the sender is closed.</summary>
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

    /// <summary>After <see cref="Close"/>: waits until the pending write has ended and returned its buffer.</summary>
    public async Task WaitUntilIdleAsync()
    {
        while (Watch(static s => s._writing) is { } changed)
            await changed;
    }

    /// <summary>
    /// Drops the queued frames and all further ones. The caller ends a pending write by closing the stream.
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
            catch (Exception e)
            {
                frame.Return(pool);
                lock (_gate)
                {
                    _writing = false;
                    SignalLocked();
                }

                failed(e);
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
        catch (Exception e)
        {
            // A disposed stream throws synchronously; failures are handled in one place, where the task is awaited.
            return ValueTask.FromException(e);
        }
    }

    private bool TryNext(out OutgoingFrame frame)
    {
        lock (_gate)
        {
            if (_queue.TryDequeue(out frame))
                return true;
            // Under the same lock as Enqueue, so a frame is either seen here or makes its sender the writer.
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

    // Wakes all waiters; each checks its own condition again.
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
