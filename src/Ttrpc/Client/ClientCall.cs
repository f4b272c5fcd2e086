using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One call at a client, independent of its message types. The server's response, the caller's token or Dispose, the
/// deadline and the close of the connection race for <see cref="End"/>; the first one decides the outcome. ttrpc has
/// no cancel frame: a call that is cancelled here continues at the server until its own deadline, and its later
/// frames are dropped.
/// </summary>
internal abstract class ClientCall(ClientConnection connection, IMethod method) : IDisposable
{
    private readonly Lock _watchGate = new();
    private CancellationTokenRegistration _registration;
    private ITimer? _deadlineTimer;
    private Status _status;
    private Metadata? _trailers;
    private int _ending;
    private volatile bool _ended;

    /// <summary>The id of the call's stream; 0 until the request is queued.</summary>
    public uint StreamId { get; set; }

    /// <summary>The called method.</summary>
    public IMethod Method => method;

    /// <summary>Whether the outcome is known.</summary>
    public bool IsEnded => _ended;

    /// <summary>The connection of the call.</summary>
    protected ClientConnection Connection => connection;

    /// <summary>The outcome.</summary>
    /// <exception cref="InvalidOperationException">The outcome is not known yet.</exception>
    public Status Status => _ended ? _status : throw new InvalidOperationException($"{method.FullName} has not ended");

    /// <summary>The trailers: <c>grpc-status-details-bin</c> or nothing.</summary>
    /// <exception cref="InvalidOperationException">The outcome is not known yet.</exception>
    public Metadata Trailers => _ended
        ? _trailers ??= []
        : throw new InvalidOperationException($"{method.FullName} has not ended");

    /// <summary>The outcome as gRPC's exception.</summary>
    public RpcException ToException() => new(Status, Trailers);

    /// <summary>Starts to watch the token and the deadline. Called before the request is queued.</summary>
    public void Watch(TimeSpan? timeout, CancellationToken cancellationToken)
    {
        lock (_watchGate)
        {
            _registration = cancellationToken.UnsafeRegister(
                static state => ((ClientCall)state!).Cancel("cancelled by the caller"), this);
            if (timeout is { } left && left <= ClientConnection.LongestTimer)
                _deadlineTimer = connection.Time.CreateTimer(Expired, this, left, Timeout.InfiniteTimeSpan);
        }

        // The token may have ended the call before there was a registration or timer to stop.
        if (_ended)
            StopWatching();
    }

    /// <summary>Receives a response frame: the only response message, or the end of a stream.</summary>
    public abstract void ReceiveResponse(ReadOnlyMemory<byte> payload);

    /// <summary>Receives the message of a data frame. Returns the queue if it is now full.</summary>
    public abstract MessageQueue? ReceiveData(ReadOnlyMemory<byte> payload);

    /// <summary>The server sends no more data.</summary>
    public abstract void ReceiveEndOfData();

    /// <summary>Ends the call; does nothing if it has ended.</summary>
    /// <param name="status">The outcome.</param>
    /// <param name="trailers">The trailers, if any.</param>
    /// <param name="abort">Whether unread messages are dropped.</param>
    public void End(Status status, Metadata? trailers = null, bool abort = false)
    {
        if (Interlocked.Exchange(ref _ending, 1) != 0)
            return;
        _status = status;
        _trailers = trailers;
        _ended = true;
        connection.Forget(this);
        StopWatching();
        Ended(abort);
    }

    /// <summary>Cancels the call if it has not ended, as gRPC does when a call is disposed.</summary>
    public void Dispose() => Cancel("the call was disposed");

    /// <summary>Completes the caller's task or stream. Called once, after status and trailers are set.</summary>
    protected abstract void Ended(bool abort);

    /// <summary>Deserializes a message; if it is malformed, ends the call with INTERNAL and returns null.</summary>
    protected T? Deserialize<T>(Marshaller<T> marshaller, ReadOnlyMemory<byte> payload)
        where T : class
    {
        try
        {
            return MessagePayload.Deserialize(marshaller, payload);
        }
        catch (Exception e)
        {
            End(new Status(StatusCode.Internal, $"{method.FullName}: malformed message: {e.Message}", e));
            return null;
        }
    }

    private static void Expired(object? state)
    {
        var call = (ClientCall)state!;
        call.End(new Status(StatusCode.DeadlineExceeded, $"{call.Method.FullName}: deadline exceeded"), abort: true);
    }

    private void Cancel(string why) =>
        End(new Status(StatusCode.Cancelled, $"{method.FullName}: {why}"), abort: true);

    private void StopWatching()
    {
        lock (_watchGate)
        {
            // Not Dispose, which waits for a running callback: the callback may wait for this lock.
            _registration.Unregister();
            _deadlineTimer?.Dispose();
        }
    }
}
