using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// Base of the handlers that read a stream; owns the queue. The payload of the request may hold the first message, as
/// in Go's server; an empty payload holds none.
/// </summary>
internal abstract class ReadingHandler<TRequest>(IMethod method, Marshaller<TRequest> marshaller) : Handler(method)
    where TRequest : class
{
    /// <inheritdoc/>
    public override bool Receive(ServerCall call, ReadOnlyMemory<byte> payload)
    {
        var requests = (MessageQueue<TRequest>)call.Requests!;
        if (Deserialize(call, marshaller, payload) is not { } message)
            return false;
        if (requests.TryAdd(message, payload.Length))
            return requests.IsFull;
        call.Abort(new Status(StatusCode.ResourceExhausted, "too many unread bytes on this connection"));
        return false;
    }

    /// <summary>Creates the queue before the handler runs.</summary>
    protected MessageQueue<TRequest> Open(ServerCall call, ReadOnlyMemory<byte> payload, bool open)
    {
        var requests = new MessageQueue<TRequest>(call.Connection)
        {
            Overflowed = () => call.Abort(new Status(
                StatusCode.ResourceExhausted,
                $"{FullName} reads too slowly: {call.Connection.Limits.QueuedMessages} messages are unread")),
        };
        call.Requests = requests;
        if (!payload.IsEmpty)
            Receive(call, payload);
        if (!open)
            requests.End(null);
        return requests;
    }
}

/// <summary>Many requests, one response.</summary>
internal sealed class ClientStreamingHandler<TRequest, TResponse>(
    Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> run)
    : ReadingHandler<TRequest>(method, method.RequestMarshaller)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc/>
    public override void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open) =>
        _ = RunAsync(call, Open(call, payload, open));

    private async Task RunAsync(ServerCall call, MessageQueue<TRequest> requests)
    {
        TResponse response;
        try
        {
            call.ArmDeadline();
            response = await run(requests, call);
        }
        catch (Exception e)
        {
            Fail(call, e);
            return;
        }

        Respond(call, method.ResponseMarshaller, response);
    }
}

/// <summary>One request, many responses.</summary>
internal sealed class ServerStreamingHandler<TRequest, TResponse>(
    Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> run) : Handler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc/>
    public override void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open)
    {
        if (Deserialize(call, method.RequestMarshaller, payload) is { } request)
            _ = RunAsync(call, request);
        else
            call.HandlerDone(null);
    }

    private async Task RunAsync(ServerCall call, TRequest request)
    {
        try
        {
            call.ArmDeadline();
            await run(request, new ResponseWriter<TResponse>(call, method.ResponseMarshaller), call);
        }
        catch (Exception e)
        {
            Fail(call, e);
            return;
        }

        EndStream(call);
    }
}

/// <summary>Many requests, many responses, in any order.</summary>
internal sealed class DuplexStreamingHandler<TRequest, TResponse>(
    Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> run)
    : ReadingHandler<TRequest>(method, method.RequestMarshaller)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc/>
    public override void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open) =>
        _ = RunAsync(call, Open(call, payload, open));

    private async Task RunAsync(ServerCall call, MessageQueue<TRequest> requests)
    {
        try
        {
            call.ArmDeadline();
            await run(requests, new ResponseWriter<TResponse>(call, method.ResponseMarshaller), call);
        }
        catch (Exception e)
        {
            Fail(call, e);
            return;
        }

        EndStream(call);
    }
}
