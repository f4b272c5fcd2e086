using Shim.Logging;

namespace Shim.Commands;

/// <summary>Somebody's wish that the shim end; the first counts.</summary>
internal sealed class ShutdownRequest(ShimLog log)
{
    // Completed on the loop, hence without RunContinuationsAsynchronously, which would start the thread pool.
    private readonly TaskCompletionSource _asked = new();

    /// <summary>Completes when the shim is to end.</summary>
    public Task Asked => _asked.Task;

    /// <summary>Asks.</summary>
    /// <param name="why">For the log.</param>
    public void Ask(string why)
    {
        if (_asked.Task.IsCompleted)
            return;
        log.ShuttingDown(why);
        _asked.SetResult();
    }
}
