using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// The server's side of one connection: dispatch, calls and responses.
/// <para>
/// An error in one call is answered on its stream. An error that shows that the two sides disagree about the state of
/// the connection closes it. Handlers run on the receive loop until they first wait.
/// </para>
/// </summary>
internal sealed class ServerConnection : Connection
{
    private readonly TtrpcServices _services;
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, ServerCall> _calls = [];
    private uint _lastStreamId;
    private int _running;
    private bool _draining;
    private bool _closed;

    public ServerConnection(TtrpcTransport transport, TtrpcServices services, TtrpcServerOptions options)
        : base(transport.Stream, options.Limits, options.BufferPool, options.TimeProvider)
    {
        Transport = transport;
        Options = options;
        _services = services;
    }

    /// <summary>The stream and its peer.</summary>
    public TtrpcTransport Transport { get; }

    /// <summary>The server's options.</summary>
    public TtrpcServerOptions Options { get; }

    /// <summary>The receiver of the server's notifications.</summary>
    public TtrpcServerEvents Events => Options.Events;

    /// <inheritdoc/>
    protected override bool PausesWhenFull => true;

    /// <summary>Refuses new calls; closes once the running calls have ended and their responses are sent.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            _draining = true;
            if (_running > 0)
                return;
        }

        _ = CloseWhenSentAsync();
    }

    /// <summary>Sends one message of a stream, unless its call has ended.</summary>
    public void SendData(ServerCall call, OutgoingFrame frame)
    {
        bool pump;
        lock (_gate)
        {
            // Under the lock, so that no frame follows the last one of its stream.
            if (call.IsEnded)
            {
                frame.Return(Pool);
                return;
            }

            pump = Sender.Enqueue(frame);
        }

        if (pump)
            Sender.Pump();
    }

    /// <summary>Ends a call successfully, unless it has ended.</summary>
    public void Finish(ServerCall call, OutgoingFrame frame)
    {
        bool pump;
        lock (_gate)
        {
            if (!call.TryEnd(Status.DefaultSuccess))
            {
                frame.Return(Pool);
                return;
            }

            pump = EnqueueLast(call, frame);
        }

        Flush(pump);
    }

    /// <summary>Ends a call with an error, unless it has ended.</summary>
    public void Fail(ServerCall call, Status status, ReadOnlySpan<byte> detailed)
    {
        bool pump;
        lock (_gate)
        {
            if (!call.TryEnd(status))
                return;
            pump = EnqueueLast(call, FrameEncoder.Error(Pool, call.StreamId, status, detailed));
        }

        Flush(pump);
    }

    /// <summary>Called when a handler has returned: its call no longer counts against the limits.</summary>
    public void CallDone(ServerCall call, Exception? error)
    {
        Release(call.HeldBytes);
        Events.CallEnded(call, call.EndStatus, error, call.Elapsed);
        lock (_gate)
        {
            if (--_running > 0 || !_draining)
                return;
        }

        _ = CloseWhenSentAsync();
    }

    /// <inheritdoc/>
    protected override void Dispatch(in Frame frame)
    {
        FrameHeader header = frame.Header;
        if (header.Type is not (FrameType.Request or FrameType.Data))
            Refuse(TtrpcCloseReason.UnexpectedFrameType, header);
        else if (header.StreamId % 2 == 0)
            Refuse(TtrpcCloseReason.EvenStreamId, header);
        else if (header.Type == FrameType.Request)
            OnRequest(frame);
        else
            OnData(frame);
    }

    /// <inheritdoc/>
    protected override void Closed(CloseCause cause)
    {
        var status = new Status(StatusCode.Cancelled, cause.Describe());
        ServerCall[] calls;
        lock (_gate)
        {
            _closed = true;
            calls = [.. _calls.Values];
            _calls.Clear();
            foreach (ServerCall call in calls)
                call.TryEnd(status);
        }

        // Outside the lock, because this runs callbacks of handlers.
        foreach (ServerCall call in calls)
            call.Cancel();
    }

    private void OnRequest(in Frame frame)
    {
        FrameHeader header = frame.Header;
        if (header.StreamId <= _lastStreamId)
        {
            Refuse(TtrpcCloseReason.StreamIdNotIncreasing, header);
            return;
        }

        _lastStreamId = header.StreamId;
        if (header.IsOversized)
            Reject(header.StreamId, StatusCode.ResourceExhausted, OversizedText(header));
        else if (!RequestEnvelope.TryParse(frame.Payload.Span, out RequestEnvelope request))
            Refuse(TtrpcCloseReason.MalformedRequest, header);
        else
            Admit(frame, request);
    }

    // Checks a well-formed request and starts its call; rejects it before any handler code runs.
    private void Admit(in Frame frame, in RequestEnvelope request)
    {
        uint streamId = frame.Header.StreamId;
        if (!_services.TryFind(request.Service, request.Method, out Handler? handler, out string? unknown))
        {
            Reject(streamId, StatusCode.Unimplemented, unknown);
            return;
        }

        byte[]? metadata = request.CopyMetadata();
        if (metadata is not null && MetadataCodec.FindFault(metadata) is { } fault)
        {
            Reject(streamId, StatusCode.InvalidArgument, fault);
            return;
        }

        if (request.TimeoutNano < 0)
        {
            string late = $"{handler.FullName}: the deadline passed before the request was sent";
            Reject(streamId, StatusCode.DeadlineExceeded, late);
            return;
        }

        // Metadata is kept as long as the request, so it counts too.
        int bytes = request.PayloadLength + request.MetadataLength;
        if (!TryReserve(bytes))
        {
            string full = $"requests in progress exceed the limit of {Limits.HeldBytes} bytes";
            Reject(streamId, StatusCode.ResourceExhausted, full);
            return;
        }

        var call = new ServerCall(this, handler, streamId, metadata, request.TimeoutNano, bytes);
        if (TryAdd(call) is { } refusal)
        {
            Release(bytes);
            Reject(streamId, refusal.StatusCode, refusal.Detail);
            return;
        }

        bool open = (frame.Header.Flags & (FrameFlags.RemoteOpen | FrameFlags.RemoteClosed)) == FrameFlags.RemoteOpen;
        call.ClientIsDone = !open;
        handler.Start(call, frame.Payload.Slice(request.PayloadOffset, request.PayloadLength), open);
    }

    private Status? TryAdd(ServerCall call)
    {
        lock (_gate)
        {
            if (_draining || _closed)
                return new Status(StatusCode.Unavailable, "the server is shutting down");
            if (_running >= Limits.ConcurrentCalls)
                return new Status(StatusCode.ResourceExhausted, $"limit of {_running} concurrent calls reached");
            _running++;
            _calls.Add(call.StreamId, call);
            return null;
        }
    }

    private void OnData(in Frame frame)
    {
        FrameHeader header = frame.Header;
        if (header.StreamId > _lastStreamId)
        {
            Refuse(TtrpcCloseReason.UnopenedStream, header);
            return;
        }

        ServerCall? call;
        lock (_gate)
            _calls.TryGetValue(header.StreamId, out call);

        // The call has ended, but the client may not know that yet.
        if (call is null)
            return;

        if (call.Handler.Type == MethodType.Unary)
            Refuse(TtrpcCloseReason.DataOnUnaryStream, header);
        else if (header.IsOversized)
            call.Abort(new Status(StatusCode.ResourceExhausted, OversizedText(header)));
        else
            Deliver(call, frame);
    }

    private void Deliver(ServerCall call, in Frame frame)
    {
        FrameFlags flags = frame.Header.Flags;
        if (!flags.HasFlag(FrameFlags.NoData))
        {
            if (call.ClientIsDone)
                call.Abort(new Status(
                    StatusCode.InvalidArgument, $"{call.Method}: data after the client closed its side"));
            else if (call.Handler.Receive(call, frame.Payload))
                Stalled = call.Requests;
        }

        if (flags.HasFlag(FrameFlags.RemoteClosed))
        {
            call.ClientIsDone = true;
            call.Requests?.End(null);
        }
    }

    // Answers a request that does not become a call.
    private void Reject(uint streamId, StatusCode code, string detail)
    {
        var status = new Status(code, detail);
        Events.CallRefused(Transport, status);
        if (!CloseIfOverfull())
            Sender.Send(FrameEncoder.Error(Pool, streamId, status, default));
    }

    private bool EnqueueLast(ServerCall call, OutgoingFrame frame)
    {
        _calls.Remove(call.StreamId);
        return Sender.Enqueue(frame);
    }

    // Handlers send responses even while the loop does not read, so pausing the loop alone does not bound the queue.
    private void Flush(bool pump)
    {
        CloseIfOverfull();
        // Also after Close: only the writer can report that no write is pending.
        if (pump)
            Sender.Pump();
    }

    private bool CloseIfOverfull()
    {
        if (Sender.IsOverfull)
            Close(new CloseCause(TtrpcCloseReason.UnsentOverflow));
        return Sender.IsOverfull;
    }

    private async Task CloseWhenSentAsync()
    {
        await Sender.WaitUntilSentAsync();
        Close(new CloseCause(TtrpcCloseReason.Shutdown));
    }

    private static string OversizedText(in FrameHeader header) =>
        $"message of {header.Length} bytes exceeds the limit of {FrameHeader.MaxPayload}";
}
