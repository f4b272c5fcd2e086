using Grpc.Core;

namespace Ttrpc;

/// <summary>One request, one answer. A handler that does not wait costs no task of ours.</summary>
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
        catch (Exception error)
        {
            Fail(call, error);
            return;
        }

        if (task.IsCompletedSuccessfully)
            Answer(call, method.ResponseMarshaller, task.Result);
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
        catch (Exception error)
        {
            Fail(call, error);
            return;
        }

        Answer(call, method.ResponseMarshaller, response);
    }
}
