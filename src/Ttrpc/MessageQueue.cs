using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// The received, unread messages of one stream. This part does not depend on the message type: the receive loop uses
/// it to wait for room. ttrpc has no flow control, so a full queue blocks the whole connection, but only until a
/// timeout; then the stream fails and the other streams continue.
/// </summary>
internal abstract class MessageQueue
{
    /// <summary>Called when the queue has been full for too long.</summary>
    public required Action Overflowed { get; init; }

    /// <summary>Waits until there is room or the stream has ended.</summary>
    public async Task WaitForRoomAsync(TimeSpan timeout, TimeProvider time)
    {
        if (Room() is not { } room)
            return;
        try
        {
            await room.WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            Overflowed();
        }
    }

    /// <summary>Ends the stream after the queued messages, with <paramref name="error"/> unless it is null.</summary>
    public abstract void End(Exception? error);

    /// <summary>Ends the stream at once and drops the queued messages, even if the stream has ended before.</summary>
    public abstract void Abort(Exception error);

    /// <summary>Completes when there is room; null if there is.</summary>
    protected abstract Task? Room();
}

/// <summary>
/// The queue as gRPC's reader. Messages are deserialized on arrival, directly from the frame, so the queue holds no
/// frame buffers. One reader at a time.
/// </summary>
internal sealed class MessageQueue<T>(Connection connection) : MessageQueue, IAsyncStreamReader<T>
    where T : class
{
    // Bytes counted for each queued message beyond its length on the wire.
    private const int Overhead = 64;

    private static readonly Task<bool> s_true = Task.FromResult(true);
    private static readonly Task<bool> s_false = Task.FromResult(false);

    private readonly Lock _gate = new();
    private readonly Queue<(T Message, int Bytes)> _messages = new();
    private T? _current;
    private TaskCompletionSource<bool>? _reader;
    private TaskCompletionSource? _room;
    private bool _ended;
    private Exception? _error;

    /// <inheritdoc/>
    public T Current => _current ?? throw new InvalidOperationException("no current message: call MoveNext first");

    /// <summary>Whether the receive loop should wait before it adds more messages.</summary>
    public bool IsFull
    {
        get
        {
            lock (_gate)
                return _messages.Count >= connection.Limits.QueuedMessages;
        }
    }

    /// <summary>
    /// Adds a message that took <paramref name="bytes"/> on the wire. False if the connection would exceed its limit
    /// of held bytes. A message after the end of the stream is dropped.
    /// </summary>
    public bool TryAdd(T message, int bytes)
    {
        bytes += Overhead;
        lock (_gate)
        {
            if (_ended)
                return true;
            if (_reader is { } reader)
            {
                _reader = null;
                _current = message;
                reader.TrySetResult(true);
                return true;
            }

            if (!connection.TryReserve(bytes))
                return false;
            _messages.Enqueue((message, bytes));
            return true;
        }
    }

    /// <inheritdoc/>
    public override void End(Exception? error)
    {
        lock (_gate)
        {
            if (!_ended)
                EndLocked(error);
        }
    }

    /// <inheritdoc/>
    public override void Abort(Exception error)
    {
        lock (_gate)
        {
            while (_messages.TryDequeue(out (T Message, int Bytes) dropped))
                connection.Release(dropped.Bytes);
            EndLocked(error);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Another read is pending.</exception>
    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<bool>(cancellationToken);

        TaskCompletionSource<bool> reader;
        lock (_gate)
        {
            if (_reader is not null)
                throw new InvalidOperationException("the previous read has not completed");
            if (_messages.TryDequeue(out (T Message, int Bytes) next))
            {
                _current = next.Message;
                connection.Release(next.Bytes);
                _room?.TrySetResult();
                _room = null;
                return s_true;
            }

            _current = null;
            if (_error is not null)
                return Task.FromException<bool>(_error);
            if (_ended)
                return s_false;
            _reader = reader = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return cancellationToken.CanBeCanceled ? AwaitAsync(reader, cancellationToken) : reader.Task;
    }

    /// <inheritdoc/>
    protected override Task? Room()
    {
        lock (_gate)
        {
            if (_ended || _messages.Count < connection.Limits.QueuedMessages)
                return null;
            _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room.Task;
        }
    }

    private void EndLocked(Exception? error)
    {
        _ended = true;
        _error = error;
        _room?.TrySetResult();
        if (_reader is not { } reader)
            return;
        _reader = null;
        if (error is null)
            reader.TrySetResult(false);
        else
            reader.TrySetException(error);
    }

    private async Task<bool> AwaitAsync(TaskCompletionSource<bool> reader, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (queue, reader) = ((MessageQueue<T>, TaskCompletionSource<bool>))state!;
                queue.Withdraw(reader, token);
            },
            (this, reader));
        return await reader.Task;
    }

    private void Withdraw(TaskCompletionSource<bool> reader, CancellationToken token)
    {
        lock (_gate)
        {
            // If a message arrived first, the read has completed with it.
            if (_reader == reader)
                _reader = null;
        }

        reader.TrySetCanceled(token);
    }
}
