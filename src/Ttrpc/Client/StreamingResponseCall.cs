using Grpc.Core;

namespace Ttrpc;

/// <summary>A call with many responses: server streaming or duplex.</summary>
internal sealed class StreamingResponseCall<TResponse> : ClientCall
    where TResponse : class
{
    private readonly Marshaller<TResponse> _marshaller;

    public StreamingResponseCall(ClientConnection connection, IMethod method, Marshaller<TResponse> marshaller)
        : base(connection, method)
    {
        _marshaller = marshaller;
        Responses = new MessageQueue<TResponse>(connection)
        {
            Overflowed = () => End(
                new Status(
                    StatusCode.ResourceExhausted,
                    $"{method.FullName}: responses are read too slowly, {connection.Limits.QueuedMessages} are unread"),
                abort: true),
        };
    }

    /// <summary>The responses.</summary>
    public MessageQueue<TResponse> Responses { get; }

    /// <inheritdoc/>
    public override void ReceiveResponse(ReadOnlyMemory<byte> payload)
    {
        // The last message may come in the response instead of a data frame; an empty response is just the end.
        if (!payload.IsEmpty)
            ReceiveData(payload);
        End(Status.DefaultSuccess);
    }

    /// <inheritdoc/>
    public override MessageQueue? ReceiveData(ReadOnlyMemory<byte> payload)
    {
        if (Deserialize(_marshaller, payload) is not { } message)
            return null;
        if (Responses.TryAdd(message, payload.Length))
            return Responses.IsFull ? Responses : null;
        End(
            new Status(StatusCode.ResourceExhausted, "too many unread bytes on this connection"),
            abort: true);
        return null;
    }

    /// <inheritdoc/>
    public override void ReceiveEndOfData() => End(Status.DefaultSuccess);

    /// <inheritdoc/>
    protected override void Ended(bool abort)
    {
        RpcException? error = Status.StatusCode == StatusCode.OK ? null : ToException();
        if (abort && error is not null)
            Responses.Abort(error);
        else
            Responses.End(error);
    }
}
