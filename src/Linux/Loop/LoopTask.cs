namespace Linux;

/// <summary>Tasks of code that runs on an <see cref="EventLoop"/>.</summary>
public static class LoopTask
{
    /// <summary>A source whose task is completed on the loop.</summary>
    /// <remarks>Without RunContinuationsAsynchronously, which would start the thread pool.</remarks>
    public static TaskCompletionSource NewSource() => new();

    /// <inheritdoc cref="NewSource"/>
    public static TaskCompletionSource<T> NewSource<T>() => new();

    /// <summary>Starts a watcher that nobody awaits.</summary>
    /// <remarks>Async void on purpose: an exception ends the loop's <c>Run</c> instead of being lost.</remarks>
    public static async void Watch(Func<Task> watcher)
    {
        ArgumentNullException.ThrowIfNull(watcher);
        await watcher();
    }
}
