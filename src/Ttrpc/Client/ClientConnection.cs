using System.Buffers;
using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>The client's side of a connection: stream ids, dispatch, pending calls.</summary>
internal sealed class ClientConnection(Stream stream, TtrpcLimits limits, ArrayPool<byte> pool, TimeProvider time)
    : Connection(stream, limits, pool, time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<uint, ClientCall> _calls = [];
    private uint _nextStreamId = 1;
    private bool _closed;

    /// <inheritdoc/>
    protected override bool PausesWhenFull => false;

    /// <summary>
    /// Assigns the call a stream id and queues its request; if it cannot be sent, ends the call. Both happen under one
    /// lock, so that the ids are sent in increasing order, as servers require.
    /// </summary>
    public void Open(ClientCall call, OutgoingFrame request)
    {
        bool pump = false;
        if (TryOpen(call, request, ref pump) is { } refusal)
        {
            request.Return(Pool);
            call.End(refusal);
        }
        else if (pump)
        {
            Sender.Pump();
        }
    }

    /// <summary>Removes a call that has ended: its later frames are dropped.</summary>
    public void Forget(ClientCall call)
    {
        lock (_gate)
            _calls.Remove(call.StreamId);
    }

    /// <inheritdoc/>
    protected override void Closed(CloseCause cause)
    {
        ClientCall[] calls;
        lock (_gate)
        {
            _closed = true;
            calls = [.. _calls.Values];
        }

        foreach (ClientCall call in calls)
            call.End(cause.ToStatus());
    }

    /// <inheritdoc/>
    protected override void Dispatch(in Frame frame)
    {
        FrameHeader header = frame.Header;
        if (header.Type is not (FrameType.Response or FrameType.Data))
        {
            Refuse(TtrpcCloseReason.UnexpectedFrameType, header);
            return;
        }

        ClientCall? call;
        bool opened;
        lock (_gate)
        {
            _calls.TryGetValue(header.StreamId, out call);
            opened = header.StreamId % 2 == 1 && header.StreamId < _nextStreamId;
        }

        if (!opened)
            Refuse(TtrpcCloseReason.UnopenedStream, header);
        else if (call is null)
            return; // Ended here before the server's response.
        else if (header.IsOversized)
            call.End(new Status(
                StatusCode.ResourceExhausted,
                $"response of {header.Length} bytes exceeds the limit of {FrameHeader.MaxPayload}"));
        else if (header.Type == FrameType.Data)
            OnData(call, frame);
        else
            OnResponse(call, frame);
    }

    private Status? TryOpen(ClientCall call, OutgoingFrame request, ref bool pump)
    {
        lock (_gate)
        {
            if (_closed)
                return CloseCause!.ToStatus();
            // The token or the deadline has ended the call before.
            if (call.IsEnded)
                return call.Status;
            if (Sender.IsOverfull)
                return new Status(StatusCode.ResourceExhausted, "too many unsent bytes: the server does not read");
            if (_nextStreamId <= uint.MaxValue - 2)
            {
                call.StreamId = _nextStreamId;
                _nextStreamId += 2;
                _calls.Add(call.StreamId, call);
                request.SetStreamId(call.StreamId);
                pump = Sender.Enqueue(request);
                return null;
            }
        }

        Close(new CloseCause(TtrpcCloseReason.StreamIdsExhausted));
        return CloseCause!.ToStatus();
    }

    private void OnResponse(ClientCall call, in Frame frame)
    {
        if (!ResponseEnvelope.TryParse(frame.Payload.Span, out ResponseEnvelope response)
            || !StatusCodec.TryParse(response.Status, out Status status, out int detailsLength))
            Refuse(TtrpcCloseReason.MalformedResponse, frame.Header);
        else if (status.StatusCode != StatusCode.OK)
            call.End(status, StatusCodec.Trailers(response.Status, detailsLength));
        else
            call.ReceiveResponse(frame.Payload.Slice(response.PayloadOffset, response.PayloadLength));
    }

    private void OnData(ClientCall call, in Frame frame)
    {
        FrameFlags flags = frame.Header.Flags;
        if (!flags.HasFlag(FrameFlags.NoData))
            Stalled = call.ReceiveData(frame.Payload);
        if (flags.HasFlag(FrameFlags.RemoteClosed))
            call.ReceiveEndOfData();
    }
}
