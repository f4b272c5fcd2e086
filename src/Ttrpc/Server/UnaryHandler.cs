using Grpc.Core;

namespace Ttrpc;

/// <summary>One request, one response. Allocates no task for a handler that completes synchronously.</summary>
internal sealed class UnaryHandler<TRequest, TResponse>(
    Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> run) : Handler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc/>
    public override void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open)
    {
        if (Deserialize(call, method.RequestMarshaller, payload) is not { } request)
        {
            call.HandlerDone(null);
            return;
        }

        Task<TResponse> task;
        try
        {
            task = run(request, call);
        }
        catch (Exception e)
        {
            Fail(call, e);
            return;
        }

        if (task.IsCompletedSuccessfully)
            Respond(call, method.ResponseMarshaller, task.Result);
        else
            _ = FinishAsync(call, task);
    }

    private async Task FinishAsync(ServerCall call, Task<TResponse> task)
    {
        TResponse response;
        try
        {
            if (!task.IsCompleted)
                call.ArmDeadline();
            response = await task;
        }
        catch (Exception e)
        {
            Fail(call, e);
            return;
        }

        Respond(call, method.ResponseMarshaller, response);
    }
}
