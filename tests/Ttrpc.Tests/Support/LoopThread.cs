using System.Collections.Concurrent;

namespace Ttrpc.Tests.Support;

/// <summary>Runs asynchronous code on the calling thread only, as an event loop does.</summary>
internal sealed class LoopThread : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _posted = [];

    public static void Run(Func<Task> start)
    {
        SynchronizationContext? outer = Current;
        var loop = new LoopThread();
        SetSynchronizationContext(loop);
        try
        {
            Task task = start();
            task.ContinueWith(_ => loop._posted.CompleteAdding(), TaskScheduler.Default);
            foreach ((SendOrPostCallback callback, object? state) in loop._posted.GetConsumingEnumerable())
                callback(state);
            task.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();
}
