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

    /// <summary>Starts a watcher that is not awaited.</summary>
    /// <remarks>Async void on purpose: an exception ends the loop's <c>Run</c> instead of being lost.</remarks>
    public static async void Watch(Func<Task> watcher)
    {
        ArgumentNullException.ThrowIfNull(watcher);
        await watcher();
    }
}
