using Grpc.Core;

namespace Shim.Service;

/// <summary>Binds the methods of version 2 of the task service under the name of version 3 too.</summary>
/// <remarks>
/// The messages of both versions have the same fields and numbers, so one implementation and one set of generated types
/// serve both.
/// </remarks>
internal sealed class TaskServiceV3(ServiceBinderBase binder) : ServiceBinderBase
{
    private const string ServiceName = "containerd.task.v3.Task";

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
    {
        binder.AddMethod(method, handler);
        binder.AddMethod(
            new Method<TRequest, TResponse>(
                method.Type, ServiceName, method.Name, method.RequestMarshaller, method.ResponseMarshaller),
            handler);
    }
}
