using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// One method of a service, independent of its message types: how the connection starts a call and delivers data to
/// it. Subclasses differ in what they read and write; this class turns the end of a handler into a response.
/// </summary>
internal abstract class Handler(IMethod method)
{
    /// <summary><c>/package.Service/Method</c>.</summary>
    public string FullName { get; } = method.FullName;

    /// <summary>Which sides stream.</summary>
    public MethodType Type { get; } = method.Type;

    /// <summary>Runs the handler until it first waits.</summary>
    /// <param name="call">The new call.</param>
    /// <param name="payload">The request message, valid while this method runs.</param>
    /// <param name="open">Whether the client will send data.</param>
    public abstract void Start(ServerCall call, ReadOnlyMemory<byte> payload, bool open);

    /// <summary>Receives the message of a data frame. True if the stream's queue is now full.</summary>
    public virtual bool Receive(ServerCall call, ReadOnlyMemory<byte> payload)
    {
        call.Abort(new Status(StatusCode.InvalidArgument, $"{FullName} accepts only one request message"));
        return false;
    }

    /// <summary>Deserializes a message; if it is malformed, fails the call with INTERNAL, as Go does.</summary>
    /// <returns>The message, or null if it is malformed.</returns>
    protected static T? Deserialize<T>(ServerCall call, Marshaller<T> marshaller, ReadOnlyMemory<byte> payload)
        where T : class
    {
        try
        {
            return MessagePayload.Deserialize(marshaller, payload);
        }
        catch (Exception e)
        {
            call.Abort(new Status(StatusCode.Internal, $"{call.Method}: malformed message: {e.Message}", e));
            return null;
        }
    }

    /// <summary>Responds to a call whose handler returned a message.</summary>
    protected static void Respond<T>(ServerCall call, Marshaller<T> marshaller, T response)
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
        catch (Exception e)
        {
            failure = e;
        }

        if (failure is null)
            call.HandlerDone(null);
        else
            Fail(call, failure);
    }

    /// <summary>Ends a call whose handler has streamed its responses.</summary>
    protected static void EndStream(ServerCall call)
    {
        if (call.Status.StatusCode != StatusCode.OK)
            call.Fail(call.Status, call.Details(null));
        else if (!call.IsEnded)
            call.Connection.Finish(call, FrameEncoder.EndOfData(call.Connection.Pool, call.StreamId));
        call.HandlerDone(null);
    }

    /// <summary>Turns an exception thrown by a handler into a response.</summary>
    protected static void Fail(ServerCall call, Exception error)
    {
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
            call.Connection.Events.HandlerFailed(call, error);
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
        catch (Exception e)
        {
            // The original exception still gets a response.
            call.Connection.Events.HandlerFailed(call, e);
            return null;
        }
    }
}
