using System.Collections.Concurrent;
using Grpc.Core;

namespace Ttrpc.Tests.Support;

/// <summary>Records the events of a server. A handler failure that a test did not take fails the test.</summary>
internal sealed class RecordingEvents : TtrpcServerEvents
{
    private readonly ConcurrentQueue<Exception> _failures = [];
    private readonly TaskCompletionSource<(TtrpcCloseReason, string)> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<(string Method, StatusCode Code, Exception? Error)> Calls { get; } = [];

    public ConcurrentQueue<Status> Refused { get; } = [];

    public ConcurrentQueue<TimeSpan> Pauses { get; } = [];

    /// <summary>How the first connection closed.</summary>
    public Task<(TtrpcCloseReason Reason, string Message)> Closed => _closed.Task;

    public override void ConnectionClosed(TtrpcTransport transport, TtrpcCloseReason reason, string message) =>
        _closed.TrySetResult((reason, message));

    public override void CallRefused(TtrpcTransport transport, Status status) => Refused.Enqueue(status);

    public override void CallEnded(ServerCallContext call, Status status, Exception? error, TimeSpan elapsed) =>
        Calls.Enqueue((call.Method, status.StatusCode, error));

    public override void HandlerFailed(ServerCallContext call, Exception error) => _failures.Enqueue(error);

    public override void AcceptFailed(Exception error, TimeSpan pause) => Pauses.Enqueue(pause);

    /// <summary>Takes the handler failures reported so far.</summary>
    public Exception[] TakeFailures()
    {
        var taken = new List<Exception>();
        while (_failures.TryDequeue(out Exception? failure))
            taken.Add(failure);
        return [.. taken];
    }

    /// <summary>Fails if a handler failed and the test did not take the failure.</summary>
    public void Verify() => Assert.Empty(_failures);
}
