using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// Streams a caller's requests. A message is queued or sent when <see cref="WriteAsync"/> returns; the task waits
/// while too many bytes are unsent because the peer does not read.
/// </summary>
internal sealed class RequestWriter<T>(ClientConnection connection, ClientCall call, Marshaller<T> marshaller)
    : IClientStreamWriter<T>
{
    private Task _previous = Task.CompletedTask;
    private bool _completed;

    /// <inheritdoc/>
    public WriteOptions? WriteOptions { get; set; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">
    /// The previous write has not completed, or <see cref="CompleteAsync"/> was called.
    /// </exception>
    /// <exception cref="RpcException">
    /// The call has ended: its status. RESOURCE_EXHAUSTED: the message does not fit into a frame.
    /// </exception>
    public Task WriteAsync(T message)
    {
        if (!_previous.IsCompleted)
            throw new InvalidOperationException("the previous write has not completed");
        if (_completed)
            throw new InvalidOperationException("CompleteAsync has been called");
        if (call.IsEnded)
            throw call.ToException();

        connection.Sender.Send(FrameEncoder.Data(connection.Pool, call.StreamId, marshaller, message));
        return _previous = connection.Sender.IsFull ? connection.Sender.WaitForRoomAsync() : Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task CompleteAsync()
    {
        if (!_completed && !call.IsEnded)
            connection.Sender.Send(FrameEncoder.EndOfData(connection.Pool, call.StreamId));
        _completed = true;
        return Task.CompletedTask;
    }
}
