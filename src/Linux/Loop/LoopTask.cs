namespace Linux;

/// <summary>Helpers for tasks of code that runs on an <see cref="EventLoop"/>.</summary>
public static class LoopTask
{
    /// <summary>Creates a source whose task is completed on the loop.</summary>
    /// <remarks>Without RunContinuationsAsynchronously, which would start the thread pool for awaits by WhenAny or
    /// WaitAsync.</remarks>
    public static TaskCompletionSource NewSource() => new();

    /// <inheritdoc cref="NewSource()"/>
    public static TaskCompletionSource<T> NewSource<T>() => new();

    /// <summary>Waits for the first of some tasks, however it ends, but not longer than a bound.</summary>
    /// <remarks>A <see cref="Task.Delay(TimeSpan, CancellationToken)"/> that is cancelled would do the same, but the
    /// runtime completes it on the thread pool, which then starts.</remarks>
    /// <param name="bound">The longest wait.</param>
    /// <param name="time">The loop's clock.</param>
    /// <param name="tasks">The tasks.</param>
    /// <returns>Whether one of them ended in time.</returns>
    public static async Task<bool> AnyWithinAsync(TimeSpan bound, TimeProvider time, params Task[] tasks)
    {
        ArgumentNullException.ThrowIfNull(time);
        TaskCompletionSource late = NewSource();
        using ITimer timer = time.CreateTimer(_ => late.TrySetResult(), null, bound, Timeout.InfiniteTimeSpan);
        return await Task.WhenAny([.. tasks, late.Task]) != late.Task;
    }

    /// <summary>Starts a watcher that is not awaited.</summary>
    /// <remarks>Async void on purpose: an exception goes to the loop, see <see cref="EventLoop.UnhandledException"/>,
    /// instead of being lost.</remarks>
    public static async void Watch(Func<Task> watcher)
    {
        ArgumentNullException.ThrowIfNull(watcher);
        await watcher();
    }
}
