using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One method of a service, without its message types: how the connection starts a call and delivers data to it.
/// The kinds differ in what they read and write; how a handler's end becomes an answer is here, once.
/// </summary>
internal abstract class Handler(IMethod method)
{
    /// <summary><c>/package.Service/Method</c>.</summary>
    public string FullName { get; } = method.FullName;

    /// <summary>Which side streams.</summary>
    public MethodType Type { get; } = method.Type;

    /// <summary>Runs the handler until it first waits.</summary>
    /// <param name="call">The new call.</param>
    /// <param name="payload">The request's message, in the frame.</param>
    /// <param name="open">Whether the client will send data.</param>
    public abstract void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open);

    /// <summary>Takes a message that came as data. True if the stream is full now.</summary>
    public virtual bool Receive(ServerCall call, ReadOnlyMemory<byte> payload)
    {
        call.Abort(new Status(StatusCode.InvalidArgument, $"{FullName} takes no more messages"));
        return false;
    }

    /// <summary>Reads a message; if it is none, the call fails as in Go, with INTERNAL, and this is null.</summary>
    protected static T? Deserialize<T>(ServerCall call, Marshaller<T> marshaller, ReadOnlyMemory<byte> payload)
        where T : class
    {
        try
        {
            return MessagePayload.Deserialize(marshaller, payload);
        }
        catch (Exception error)
        {
            call.Abort(new Status(StatusCode.Internal, $"{call.Method}: malformed message: {error.Message}", error));
            return null;
        }
    }

    /// <summary>Answers a call whose handler returned a message.</summary>
    protected static void Answer<T>(ServerCall call, Marshaller<T> marshaller, T response)
    {
        Exception? failure = null;
        try
        {
            if (call.Status.StatusCode != StatusCode.OK)
            {
                call.Fail(call.Status, call.Details(null));
            }
            else if (!call.IsEnded)
            {
                if (response is null)
                    throw new InvalidOperationException($"{call.Method} returned no message");
                OutgoingFrame frame = FrameEncoder.Response(call.Connection.Pool, call.StreamId, marshaller, response);
                call.Connection.Finish(call, frame);
            }
        }
        catch (Exception error)
        {
            failure = error;
        }

        if (failure is null)
            call.HandlerDone(null);
        else
            Fail(call, failure);
    }

    /// <summary>Ends a call whose handler has streamed its answers.</summary>
    protected static void AnswerEnd(ServerCall call)
    {
        if (call.Status.StatusCode != StatusCode.OK)
            call.Fail(call.Status, call.Details(null));
        else if (!call.IsEnded)
            call.Connection.Finish(call, FrameEncoder.EndOfData(call.Connection.Pool, call.StreamId));
        call.HandlerDone(null);
    }

    /// <summary>The one place where what a handler throws becomes an answer.</summary>
    protected static void Fail(ServerCall call, Exception error)
    {
        TtrpcServerOptions options = call.Connection.Options;
        RpcException? mapped = Map(call, error) ?? error as RpcException;
        if (mapped is { StatusCode: not StatusCode.OK })
        {
            call.Fail(mapped.Status, call.Details(mapped.Trailers));
        }
        else if (error is OperationCanceledException)
        {
            call.Fail(call.DeadlinePassed
                ? new Status(StatusCode.DeadlineExceeded, $"{call.Method}: {error.Message}", error)
                : new Status(StatusCode.Cancelled, $"{call.Method}: {error.Message}", error));
        }
        else
        {
            options.Events.HandlerFailed(call, error);
            call.Fail(new Status(StatusCode.Unknown, error.Message, error));
        }

        call.HandlerDone(error);
    }

    private static RpcException? Map(ServerCall call, Exception error)
    {
        try
        {
            return call.Connection.Options.MapException?.Invoke(call, error);
        }
        catch (Exception failure)
        {
            // The call is answered all the same.
            call.Connection.Events.HandlerFailed(call, failure);
            return null;
        }
    }
}
