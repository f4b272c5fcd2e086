using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One call at a client, without its message types. The server's answer, the caller's token or Dispose, the
/// deadline and the connection's end race for <see cref="End"/>; the first decides what the caller sees. ttrpc has
/// no frame for a cancellation: a call that ends here goes on at the server until its own deadline, and frames that
/// still come for it are dropped.
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

    /// <summary>The call's stream; 0 until the request is queued.</summary>
    public uint StreamId { get; set; }

    /// <summary>What is called.</summary>
    public IMethod Method => method;

    /// <summary>Whether the outcome is known.</summary>
    public bool IsEnded => _ended;

    /// <summary>The connection that the call is on.</summary>
    protected ClientConnection Connection => connection;

    /// <summary>The outcome.</summary>
    /// <exception cref="InvalidOperationException">It is not known yet.</exception>
    public Status Status => _ended ? _status : throw new InvalidOperationException($"{method.FullName} has not ended");

    /// <summary>The trailers, <c>grpc-status-details-bin</c> at most.</summary>
    /// <exception cref="InvalidOperationException">The outcome is not known yet.</exception>
    public Metadata Trailers => _ended
        ? _trailers ??= []
        : throw new InvalidOperationException($"{method.FullName} has not ended");

    /// <summary>The outcome as the exception that gRPC's users expect.</summary>
    public RpcException ToException() => new(Status, Trailers);

    /// <summary>Ends the call for its token and deadline. Called before the request is queued.</summary>
    public void Watch(TimeSpan? timeout, CancellationToken cancellationToken)
    {
        lock (_watchGate)
        {
            _registration = cancellationToken.UnsafeRegister(
                static state => ((ClientCall)state!).Cancel("cancelled by its caller"), this);
            if (timeout is { } left && left <= ClientConnection.LongestTimer)
                _deadlineTimer = connection.Time.CreateTimer(Expired, this, left, Timeout.InfiniteTimeSpan);
        }

        // The token may have ended the call before there was anything to stop.
        if (_ended)
            StopWatching();
    }

    /// <summary>A response frame came: the only answer, or a stream's end.</summary>
    public abstract void ReceiveResponse(ReadOnlyMemory<byte> payload);

    /// <summary>A data frame with a message came. Returns the queue if it is full now.</summary>
    public abstract MessageQueue? ReceiveData(ReadOnlyMemory<byte> payload);

    /// <summary>Ends the call; nothing happens if it has ended.</summary>
    /// <param name="status">The outcome.</param>
    /// <param name="trailers">The trailers, if there are any.</param>
    /// <param name="abort">Whether messages that wait to be read are dropped.</param>
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

    /// <summary>Cancels the call if it has not ended, as gRPC's calls do when they are disposed of.</summary>
    public void Dispose() => Cancel("its call was disposed of");

    /// <summary>Tells the caller. Called once, when status and trailers are set.</summary>
    protected abstract void Ended(bool abort);

    /// <summary>Reads a message; if it is none, ends the call with INTERNAL and returns null.</summary>
    protected T? Deserialize<T>(Marshaller<T> marshaller, ReadOnlyMemory<byte> payload)
        where T : class
    {
        try
        {
            return MessagePayload.Deserialize(marshaller, payload);
        }
        catch (Exception error)
        {
            End(new Status(StatusCode.Internal, $"{method.FullName}: malformed message: {error.Message}", error));
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
            // Not Dispose, which waits for a callback that may be waiting for us.
            _registration.Unregister();
            _deadlineTimer?.Dispose();
        }
    }
}
