using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// Streams a handler's responses. A message is queued or sent when <see cref="WriteAsync"/> returns; the task waits
/// while too many bytes are unsent, which bounds the memory of a connection whose peer does not read.
/// </summary>
internal sealed class ResponseWriter<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    private Task _previous = Task.CompletedTask;

    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get; set; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The previous write has not completed.</exception>
    /// <exception cref="OperationCanceledException">
    /// The call has ended: deadline, cancellation or lost connection.
    /// </exception>
    public Task WriteAsync(T message)
    {
        if (!_previous.IsCompleted)
            throw new InvalidOperationException("the previous write has not completed");
        if (call.IsEnded)
            throw new OperationCanceledException($"{call.Method} has ended: {call.EndStatus.Detail}");

        FrameSender sender = call.Connection.Sender;
        call.Connection.SendData(call, FrameEncoder.Data(call.Connection.Pool, call.StreamId, marshaller, message));
        return _previous = sender.IsFull ? sender.WaitForRoomAsync() : Task.CompletedTask;
    }
}
