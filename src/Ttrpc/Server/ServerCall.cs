using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One call at a server, and the context that its handler sees. Everything that few calls need (metadata, token,
/// timer, trailers) is made when it is asked for.
/// <para>
/// Two things happen once each, in either order: the call is answered or given up (<see cref="TryEnd"/>; the
/// handler, the deadline and the connection's end race for it) and the handler returns (<see cref="HandlerDone"/>).
/// The call counts against the connection's limits until its handler has returned.
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

    /// <summary>The call's stream.</summary>
    public uint StreamId { get; }

    /// <summary>Bytes of the request, counted until the handler has returned.</summary>
    public int HeldBytes { get; }

    /// <summary>What the call is of.</summary>
    public Handler Handler => _handler;

    /// <summary>The connection that the call came on.</summary>
    public ServerConnection Connection => _connection;

    /// <summary>Messages from the client; null if the request is all. Set before the handler runs.</summary>
    public MessageQueue? Requests
    {
        get => Volatile.Read(ref _requests);
        set
        {
            // As with the token: Cancel() sets its flag before it looks, this looks after the queue is there.
            Interlocked.Exchange(ref _requests, value);
            if (_cancelled)
                value?.Abort(new OperationCanceledException(EndStatus.Detail));
        }
    }

    /// <summary>Whether the client has said that it sends no more. Only the receive loop asks.</summary>
    public bool ClientIsDone { get; set; }

    /// <summary>Whether the call is answered or given up.</summary>
    public bool IsEnded => _ended;

    /// <summary>Time since the request came.</summary>
    public TimeSpan Elapsed => _connection.Time.GetElapsedTime(_started);

    /// <summary>Whether the client's time is over. Needs no timer to have fired.</summary>
    public bool DeadlinePassed => _timeoutNano != 0 && Elapsed >= Timeout;

    /// <summary>What the client was told, once the call has ended.</summary>
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

            // Cancel() sets the flag before it looks for a source; this looks after the source is there. One of the
            // two sees the other.
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

    // Nanoseconds to ticks of 100: rounded up, so that the server is never earlier than the client.
    private TimeSpan Timeout => TimeSpan.FromTicks((_timeoutNano / 100) + (_timeoutNano % 100 > 0 ? 1 : 0));

    /// <summary>
    /// True for the one who may answer; everybody else's answer is dropped. Only the connection calls it, under its
    /// lock.
    /// </summary>
    public bool TryEnd(Status status)
    {
        if (_ended)
            return false;
        // In this order, as others look at the flag without the lock.
        _endStatus = status;
        _ended = true;
        return true;
    }

    /// <summary>Starts the deadline's timer; not needed for a call that ended at once.</summary>
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

    /// <summary>Answers with an error; nothing happens if the call has ended.</summary>
    public void Fail(Status status, ReadOnlySpan<byte> detailed = default) =>
        _connection.Fail(this, status, detailed);

    /// <summary>Answers with an error and cancels the handler, which is still running.</summary>
    public void Abort(Status status)
    {
        Fail(status);
        Cancel();
    }

    /// <summary>Cancels the handler of a call that has ended without it.</summary>
    public void Cancel()
    {
        _cancelled = true;
        Interlocked.MemoryBarrier();
        Requests?.Abort(new OperationCanceledException(EndStatus.Detail));
        try
        {
            Volatile.Read(ref _cancellation)?.Cancel();
        }
        catch (AggregateException error)
        {
            // Callbacks that the handler registered; they run here, where nobody waits for them.
            _connection.Events.HandlerFailed(this, error);
        }
    }

    /// <summary>The handler has returned, with or without success.</summary>
    public void HandlerDone(Exception? error)
    {
        _deadlineTimer?.Dispose();
        Requests?.Abort(new OperationCanceledException("the call has ended"));
        _connection.CallDone(this, error);
    }

    /// <summary>The details that the handler threw or set, as a status message; empty if none.</summary>
    public byte[] Details(Metadata? thrown)
    {
        byte[]? details = thrown?.GetValueBytes(StatusCodec.DetailsTrailer)
            ?? _responseTrailers?.GetValueBytes(StatusCodec.DetailsTrailer);
        if (details is null)
            return [];
        if (StatusCodec.TryParse(details, out _, out _))
            return details;
        _connection.Events.HandlerFailed(
            this, new InvalidDataException($"trailer {StatusCodec.DetailsTrailer} is no google.rpc.Status"));
        return [];
    }

    /// <inheritdoc/>
    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => responseHeaders.Count == 0
        ? Task.CompletedTask
        : throw new NotSupportedException("ttrpc has no response headers");

    /// <inheritdoc/>
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("ttrpc calls have no propagation token; pass deadline and token on yourself");

    private void Expire() => Abort(new Status(
        StatusCode.DeadlineExceeded,
        $"{_handler.FullName} was not done within {Timeout.TotalSeconds:0.###} s"));
}
