using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One client's connection: its dispatch, its calls and their answers.
/// <para>
/// What is wrong with one call is answered on its stream. What shows that both sides no longer agree on where they
/// are closes the connection. Handlers run on the receive loop until they first wait.
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
    private bool _over;

    public ServerConnection(TtrpcTransport transport, TtrpcServices services, TtrpcServerOptions options)
        : base(transport.Stream, options.Limits, options.BufferPool, options.TimeProvider)
    {
        Transport = transport;
        Options = options;
        _services = services;
    }

    /// <summary>The stream and who is behind it.</summary>
    public TtrpcTransport Transport { get; }

    /// <summary>The server's options.</summary>
    public TtrpcServerOptions Options { get; }

    /// <summary>Who is told.</summary>
    public TtrpcServerEvents Events => Options.Events;

    /// <inheritdoc/>
    protected override bool PausesWhenFull => true;

    /// <summary>Refuses new calls and closes once the running ones have ended and their answers are sent.</summary>
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

    /// <summary>Sends one of a call's messages, unless the call has ended.</summary>
    public void SendData(ServerCall call, OutgoingFrame frame)
    {
        bool pump;
        lock (_gate)
        {
            // Nothing may follow the last frame of a stream; under the lock, nothing can.
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

    /// <summary>Ends a call well, unless it has ended.</summary>
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

    /// <summary>A handler has returned: its call counts no more.</summary>
    public void CallDone(ServerCall call, Exception? error)
    {
        LetGo(call.HeldBytes);
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
    protected override void Closed(Closure closure)
    {
        var status = new Status(StatusCode.Cancelled, closure.Describe());
        ServerCall[] calls;
        lock (_gate)
        {
            _over = true;
            calls = [.. _calls.Values];
            _calls.Clear();
            foreach (ServerCall call in calls)
                call.TryEnd(status);
        }

        // Not under the lock: this runs callbacks of handlers.
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

    // Everything that can be wrong with a well-formed request is answered here, before anything runs.
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
            string late = $"{handler.FullName}: the deadline passed before the request";
            Reject(streamId, StatusCode.DeadlineExceeded, late);
            return;
        }

        // Metadata is kept as long as the request, so it counts.
        int bytes = request.PayloadLength + request.MetadataLength;
        if (!TryHold(bytes))
        {
            string full = $"requests of more than {Limits.HeldBytes} bytes are running";
            Reject(streamId, StatusCode.ResourceExhausted, full);
            return;
        }

        var call = new ServerCall(this, handler, streamId, metadata, request.TimeoutNano, bytes);
        if (TryAdd(call) is { } refusal)
        {
            LetGo(bytes);
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
            if (_draining || _over)
                return new Status(StatusCode.Unavailable, "the server is shutting down");
            if (_running >= Limits.ConcurrentCalls)
                return new Status(StatusCode.ResourceExhausted, $"{_running} calls are running on this connection");
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

        // The client may not know yet that its call has ended.
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
                call.Abort(new Status(StatusCode.InvalidArgument, $"{call.Method}: data after the client's end"));
            else if (call.Handler.Receive(call, frame.Payload))
                Stalled = call.Requests;
        }

        if (flags.HasFlag(FrameFlags.RemoteClosed))
        {
            call.ClientIsDone = true;
            call.Requests?.End(null);
        }
    }

    // An answer to a request that never became a call.
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

    // Handlers answer even while the loop does not read, so that is not enough of a bound.
    private void Flush(bool pump)
    {
        CloseIfOverfull();
        // Also after the end: only the writer can say that nothing is being written.
        if (pump)
            Sender.Pump();
    }

    private bool CloseIfOverfull()
    {
        if (Sender.IsOverfull)
            Close(new Closure(TtrpcCloseReason.UnsentOverflow));
        return Sender.IsOverfull;
    }

    private async Task CloseWhenSentAsync()
    {
        await Sender.WaitUntilSentAsync();
        Close(new Closure(TtrpcCloseReason.Shutdown));
    }

    private static string OversizedText(in FrameHeader header) =>
        $"message of {header.Length} bytes exceeds the limit of {FrameHeader.MaxPayload}";
}
