using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One call at a server, and the context passed to its handler. What few calls need (metadata, token, timer,
/// trailers) is created on demand.
/// <para>
/// Two events happen once each, in either order: the call ends (<see cref="TryEnd"/>, for which the handler, the
/// deadline and the close of the connection race) and the handler returns (<see cref="HandlerDone"/>). The call
/// counts against the connection's limits until its handler has returned.
/// </para>
/// </summary>
internal sealed class ServerCall : ServerCallContext
{
    private static AuthContext? s_anonymous;

    private readonly ServerConnection _connection;
    private readonly Handler _handler;
    private readonly byte[]? _metadata;
    private readonly long _timeoutNano;
    private readonly long _started;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private CancellationTokenSource? _cancellation;
    private ITimer? _deadlineTimer;
    private Status _endStatus;
    private MessageQueue? _requests;
    private volatile bool _ended;
    private volatile bool _cancelled;

    public ServerCall(
        ServerConnection connection, Handler handler, uint streamId, byte[]? metadata, long timeoutNano, int heldBytes)
    {
        _connection = connection;
        _handler = handler;
        StreamId = streamId;
        _metadata = metadata;
        _timeoutNano = timeoutNano;
        HeldBytes = heldBytes;
        _started = connection.Time.GetTimestamp();
    }

    /// <summary>The id of the call's stream.</summary>
    public uint StreamId { get; }

    /// <summary>Bytes of the request, reserved until the handler has returned.</summary>
    public int HeldBytes { get; }

    /// <summary>The method that was called.</summary>
    public Handler Handler => _handler;

    /// <summary>The connection that received the call.</summary>
    public ServerConnection Connection => _connection;

    /// <summary>The client's streamed messages; null if it does not stream. Set before the handler runs.</summary>
    public MessageQueue? Requests
    {
        get => Volatile.Read(ref _requests);
        set
        {
            // As with the token: Cancel() sets its flag before it reads the queue; this reads the flag after the queue
            // is set. At least one of them sees the other.
            Interlocked.Exchange(ref _requests, value);
            if (_cancelled)
                value?.Abort(new OperationCanceledException(EndStatus.Detail));
        }
    }

    /// <summary>Whether the client has closed its side of the stream. Used only by the receive loop.</summary>
    public bool ClientIsDone { get; set; }

    /// <summary>Whether the call has ended: its response was sent, or will never be.</summary>
    public bool IsEnded => _ended;

    /// <summary>Time since the request arrived.</summary>
    public TimeSpan Elapsed => _connection.Time.GetElapsedTime(_started);

    /// <summary>Whether the deadline has passed, even if its timer has not fired yet.</summary>
    public bool DeadlinePassed => _timeoutNano != 0 && Elapsed >= Timeout;

    /// <summary>The final status, once the call has ended.</summary>
    public Status EndStatus => _endStatus;

    /// <inheritdoc/>
    protected override string MethodCore => _handler.FullName;

    /// <inheritdoc/>
    protected override string HostCore => "";

    /// <inheritdoc/>
    protected override string PeerCore => _connection.Transport.Peer;

    /// <inheritdoc/>
    protected override DateTime DeadlineCore => _timeoutNano == 0 || Timeout > ServerConnection.LongestTimer
        ? DateTime.MaxValue
        : (_connection.Time.GetUtcNow() + (Timeout - Elapsed)).UtcDateTime;

    /// <inheritdoc/>
    protected override Metadata RequestHeadersCore =>
        _requestHeaders ??= _metadata is null ? [] : MetadataCodec.Decode(_metadata);

    /// <inheritdoc/>
    protected override CancellationToken CancellationTokenCore
    {
        get
        {
            if (Volatile.Read(ref _cancellation) is not { } source)
            {
                source = new CancellationTokenSource();
                source = Interlocked.CompareExchange(ref _cancellation, source, null) ?? source;
            }

            // Cancel() sets the flag before it reads the source; this reads the flag after the source is set. At least
            // one of them sees the other.
            if (_cancelled)
                source.Cancel();
            return source.Token;
        }
    }

    /// <inheritdoc/>
    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    /// <inheritdoc/>
    protected override Status StatusCore { get; set; }

    /// <inheritdoc/>
    protected override WriteOptions? WriteOptionsCore { get; set; }

    /// <inheritdoc/>
    protected override AuthContext AuthContextCore => s_anonymous ??= new AuthContext(null, []);

    // Nanoseconds to ticks of 100 ns, rounded up so that the server never times out before the client.
    private TimeSpan Timeout => TimeSpan.FromTicks((_timeoutNano / 100) + (_timeoutNano % 100 > 0 ? 1 : 0));

    /// <summary>
    /// Ends the call. True for the first caller, which may send the response; the responses of later callers are
    /// dropped. Called by the connection only, under its lock.
    /// </summary>
    public bool TryEnd(Status status)
    {
        if (_ended)
            return false;
        // In this order, because readers check the flag without the lock.
        _endStatus = status;
        _ended = true;
        return true;
    }

    /// <summary>Starts the deadline's timer; not needed for a handler that completed synchronously.</summary>
    public void ArmDeadline()
    {
        if (_timeoutNano == 0)
            return;
        TimeSpan left = Timeout - Elapsed;
        if (left > ServerConnection.LongestTimer)
            return;
        _deadlineTimer = _connection.Time.CreateTimer(
            static state => ((ServerCall)state!).Expire(),
            this,
            left > TimeSpan.Zero ? left : TimeSpan.Zero,
            System.Threading.Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends the call with an error; does nothing if it has ended.</summary>
    public void Fail(Status status, ReadOnlySpan<byte> detailed = default) =>
        _connection.Fail(this, status, detailed);

    /// <summary>Ends the call with an error and cancels its handler, which is still running.</summary>
    public void Abort(Status status)
    {
        Fail(status);
        Cancel();
    }

    /// <summary>Cancels the handler of a call that ended before the handler did.</summary>
    public void Cancel()
    {
        _cancelled = true;
        Interlocked.MemoryBarrier();
        Requests?.Abort(new OperationCanceledException(EndStatus.Detail));
        try
        {
            Volatile.Read(ref _cancellation)?.Cancel();
        }
        catch (AggregateException e)
        {
            // Thrown by callbacks that the handler registered; no caller could handle it.
            _connection.Events.HandlerFailed(this, e);
        }
    }

    /// <summary>Called when the handler has returned, with or without success.</summary>
    public void HandlerDone(Exception? error)
    {
        _deadlineTimer?.Dispose();
        Requests?.Abort(new OperationCanceledException("the call has ended"));
        _connection.CallDone(this, error);
    }

    /// <summary>The handler's error details, thrown or set, as a <c>google.rpc.Status</c>; empty if none.</summary>
    public byte[] Details(Metadata? thrown)
    {
        byte[]? details = thrown?.GetValueBytes(StatusCodec.DetailsTrailer)
            ?? _responseTrailers?.GetValueBytes(StatusCodec.DetailsTrailer);
        if (details is null)
            return [];
        if (StatusCodec.TryParse(details, out _, out _))
            return details;
        _connection.Events.HandlerFailed(
            this, new InvalidDataException($"trailer {StatusCodec.DetailsTrailer} is not a google.rpc.Status"));
        return [];
    }

    /// <inheritdoc/>
    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => responseHeaders.Count == 0
        ? Task.CompletedTask
        : throw new NotSupportedException("ttrpc does not support response headers");

    /// <inheritdoc/>
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException(
            "ttrpc does not support propagation tokens: pass on the deadline and the cancellation token");

    private void Expire() => Abort(new Status(
        StatusCode.DeadlineExceeded,
        $"{_handler.FullName}: deadline of {Timeout.TotalSeconds:0.###} s exceeded"));
}
