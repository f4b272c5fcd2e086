using Linux;

namespace Shim;

/// <summary>Runs operations one after the other, in the order in which they were requested.</summary>
/// <remarks>
/// Each process of a container has one, so that a slow operation on one process does not delay another. On the loop's
/// thread only.
/// </remarks>
internal sealed class OrderedOperations
{
    private Task _last = Task.CompletedTask;

    /// <summary>Whether an operation is under way.</summary>
    public bool IsBusy => !_last.IsCompleted;

    /// <summary>Runs <paramref name="operation"/> when those before it have ended, however they ended.</summary>
    public async Task<T> RunAsync<T>(Func<Task<T>> operation)
    {
        Task before = _last;
        TaskCompletionSource done = LoopTask.NewSource();
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

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(Action operation) => RunAsync(() =>
    {
        operation();
        return Task.CompletedTask;
    });
}
