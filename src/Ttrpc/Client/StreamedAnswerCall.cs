using Grpc.Core;

namespace Ttrpc;

/// <summary>A call with many answers, server streaming or duplex.</summary>
internal sealed class StreamedAnswerCall<TResponse> : ClientCall
    where TResponse : class
{
    private readonly Marshaller<TResponse> _marshaller;

    public StreamedAnswerCall(ClientConnection connection, IMethod method, Marshaller<TResponse> marshaller)
        : base(connection, method)
    {
        _marshaller = marshaller;
        Responses = new MessageQueue<TResponse>(connection)
        {
            Overflowed = () => End(
                new Status(StatusCode.ResourceExhausted, $"{method.FullName}: answers come faster than they are read"),
                abort: true),
        };
    }

    /// <summary>The answers.</summary>
    public MessageQueue<TResponse> Responses { get; }

    /// <inheritdoc/>
    public override void ReceiveResponse(ReadOnlyMemory<byte> payload)
    {
        // A response may carry the last message instead of a data frame; an empty one is just the end.
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
            new Status(StatusCode.ResourceExhausted, "too many bytes wait to be read on this connection"),
            abort: true);
        return null;
    }

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
