using Grpc.Core;

namespace Ttrpc;

/// <summary>A call with one response: unary or client streaming.</summary>
internal sealed class SingleResponseCall<TResponse>(
    ClientConnection connection, IMethod method, Marshaller<TResponse> marshaller) : ClientCall(connection, method)
    where TResponse : class
{
    private readonly TaskCompletionSource<TResponse> _response =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TResponse? _message;

    /// <summary>The response.</summary>
    public Task<TResponse> Response => _response.Task;

    /// <inheritdoc/>
    public override void ReceiveResponse(ReadOnlyMemory<byte> payload)
    {
        if (Deserialize(marshaller, payload) is not { } message)
            return;
        _message = message;
        End(Status.DefaultSuccess);
    }

    /// <inheritdoc/>
    public override MessageQueue? ReceiveData(ReadOnlyMemory<byte> payload)
    {
        End(new Status(
            StatusCode.Internal, $"{Method.FullName}: unexpected data frame: the method has a single response"));
        return null;
    }

    /// <inheritdoc/>
    public override void ReceiveEndOfData() => End(new Status(
        StatusCode.Internal, $"{Method.FullName}: the server closed the stream without a response"));

    /// <inheritdoc/>
    protected override void Ended(bool abort)
    {
        if (Status.StatusCode != StatusCode.OK)
            _response.TrySetException(ToException());
        else if (_message is not null)
            _response.TrySetResult(_message);
    }
}
