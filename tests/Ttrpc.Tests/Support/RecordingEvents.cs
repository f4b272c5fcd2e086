using System.Collections.Concurrent;
using Grpc.Core;

namespace Ttrpc.Tests.Support;

/// <summary>Remembers what a server tells. A handler's failure that a test did not expect fails the test.</summary>
internal sealed class RecordingEvents : TtrpcServerEvents
{
    private readonly TaskCompletionSource<(TtrpcCloseReason, string)> _closed =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ConcurrentQueue<(string Method, StatusCode Code, Exception? Error)> Calls { get; } = [];

    public ConcurrentQueue<Exception> Failures { get; } = [];

    public ConcurrentQueue<TimeSpan> Pauses { get; } = [];

    public bool ExpectsFailures { get; set; }

    /// <summary>How the first connection that ended did.</summary>
    public Task<(TtrpcCloseReason Reason, string Message)> Closed => _closed.Task;

    public Action? OnAcceptFailed { get; set; }

    public override void ConnectionClosed(TtrpcTransport transport, TtrpcCloseReason reason, string message) =>
        _closed.TrySetResult((reason, message));

    public override void CallEnded(ServerCallContext call, Status status, Exception? error, TimeSpan elapsed) =>
        Calls.Enqueue((call.Method, status.StatusCode, error));

    public override void HandlerFailed(ServerCallContext call, Exception error) => Failures.Enqueue(error);

    public override void AcceptFailed(Exception error, TimeSpan pause)
    {
        Pauses.Enqueue(pause);
        OnAcceptFailed?.Invoke();
    }

    public void Verify()
    {
        if (!ExpectsFailures)
            Assert.Empty(Failures);
    }
}
