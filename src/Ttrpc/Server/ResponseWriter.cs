using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// A handler's way to stream answers. A message is on its way when the task returns; if the peer does not read, the
/// task waits until it does, which bounds what a connection keeps.
/// </summary>
internal sealed class ResponseWriter<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
{
    private Task _previous = Task.CompletedTask;

    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get; set; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The previous write is still waiting.</exception>
    /// <exception cref="OperationCanceledException">The call has ended: deadline, cancellation, lost client.</exception>
    public Task WriteAsync(T message)
    {
        if (!_previous.IsCompleted)
            throw new InvalidOperationException("the previous write is still under way");
        if (call.IsEnded)
            throw new OperationCanceledException($"{call.Method} has ended: {call.EndStatus.Detail}");

        FrameSender sender = call.Connection.Sender;
        call.Connection.SendData(call, FrameEncoder.Data(call.Connection.Pool, call.StreamId, marshaller, message));
        return _previous = sender.IsFull ? sender.WaitForRoomAsync() : Task.CompletedTask;
    }
}
