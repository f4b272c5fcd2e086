namespace Shim.Containers;

/// <summary>Runs operations one after the other, in the order in which they were asked for.</summary>
/// <remarks>
/// Each process of a container has one, so that slow operations of one never make another wait. From the loop's thread
/// only.
/// </remarks>
public sealed class OrderedOperations
{
    private Task _last = Task.CompletedTask;

    /// <summary>Runs <paramref name="operation"/> when those before it have ended, however they ended.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> operation)
    {
        Task before = _last;
        // Completed on the loop, hence without RunContinuationsAsynchronously, which would start the thread pool.
        TaskCompletionSource done = new();
        _last = done.Task;
        await before;
        try
        {
            return await operation();
        }
        finally
        {
            done.SetResult();
        }
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(Func<Task> operation) => RunAsync(async () =>
    {
        await operation();
        return true;
    });
}
