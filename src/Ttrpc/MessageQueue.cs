using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// Messages of one stream on their way from the receive loop to the reader, without their type: what the loop needs
/// to wait for room. ttrpc has no flow control of its own, so a full queue holds up the whole connection, for a
/// bounded time; then the stream fails and the others go on.
/// </summary>
internal abstract class MessageQueue
{
    /// <summary>Called when the reader has left the queue full for too long.</summary>
    public required Action Overflowed { get; init; }

    /// <summary>Waits until there is room or the stream has ended.</summary>
    public async Task WaitForRoomAsync(TimeSpan bound, TimeProvider time)
    {
        if (Room() is not { } room)
            return;
        try
        {
            await room.WaitAsync(bound, time);
        }
        catch (TimeoutException)
        {
            Overflowed();
        }
    }

    /// <summary>Ends the stream behind what is queued: well, or with <paramref name="error"/>.</summary>
    public abstract void End(Exception? error);

    /// <summary>Ends the stream at once; what is queued is dropped. It may have ended before.</summary>
    public abstract void Abort(Exception error);

    /// <summary>Completes when there is room; null if there is.</summary>
    protected abstract Task? Room();
}

/// <summary>
/// The queue as gRPC's reader. Messages are deserialized on arrival, straight from the frame, so that no buffer
/// waits in it. One reader at a time.
/// </summary>
internal sealed class MessageQueue<T>(Connection connection) : MessageQueue, IAsyncStreamReader<T>
    where T : class
{
    // What a queued message costs even if it is empty.
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
    public T Current => _current ?? throw new InvalidOperationException("there is no current message");

    /// <summary>Whether the loop should wait before it takes more.</summary>
    public bool IsFull
    {
        get
        {
            lock (_gate)
                return _messages.Count >= connection.Limits.QueuedMessages;
        }
    }

    /// <summary>
    /// Adds a message of so many bytes on the wire. False if the connection holds too much already; a message after
    /// the end is dropped.
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

            if (!connection.TryHold(bytes))
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
                connection.LetGo(dropped.Bytes);
            EndLocked(error);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Another read is under way.</exception>
    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<bool>(cancellationToken);

        TaskCompletionSource<bool> reader;
        lock (_gate)
        {
            if (_reader is not null)
                throw new InvalidOperationException("the previous read is still under way");
            if (_messages.TryDequeue(out (T Message, int Bytes) next))
            {
                _current = next.Message;
                connection.LetGo(next.Bytes);
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
            // A message may have come first; then it is the reader's.
            if (_reader == reader)
                _reader = null;
        }

        reader.TrySetCanceled(token);
    }
}
