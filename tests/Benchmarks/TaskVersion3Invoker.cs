using System.Collections.Concurrent;
using Grpc.Core;

namespace Benchmarks;

/// <summary>Calls version 3 of the task service with version 2's stubs: the messages are the same.</summary>
internal sealed class TaskVersion3Invoker(CallInvoker inner) : CallInvoker
{
    private readonly ConcurrentDictionary<IMethod, IMethod> _methods = new(ReferenceEqualityComparer.Instance);

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.AsyncUnaryCall(Renamed(method), host, options, request);

    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        inner.BlockingUnaryCall(Renamed(method), host, options, request);

    // The task service has unary methods only.
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
        throw new NotSupportedException();

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();

    private Method<TRequest, TResponse> Renamed<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
        (Method<TRequest, TResponse>)_methods.GetOrAdd(method, static original =>
        {
            var version2 = (Method<TRequest, TResponse>)original;
            return new Method<TRequest, TResponse>(version2.Type, "containerd.task.v3.Task", version2.Name,
                version2.RequestMarshaller, version2.ResponseMarshaller);
        });
}
