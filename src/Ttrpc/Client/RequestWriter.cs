using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// A caller's way to stream requests. A message is on its way when the task returns; if the peer does not read, the
/// task waits until it does.
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
    /// The previous write is still waiting, or <see cref="CompleteAsync"/> was called.
    /// </exception>
    /// <exception cref="RpcException">
    /// The call has ended, with its status; or RESOURCE_EXHAUSTED: the message does not fit a frame.
    /// </exception>
    public Task WriteAsync(T message)
    {
        if (!_previous.IsCompleted)
            throw new InvalidOperationException("the previous write is still under way");
        if (_completed)
            throw new InvalidOperationException("the requests are complete");
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
