using Linux;
using Shim.Logging;

namespace Shim.Commands;

/// <summary>Requests to shut down; the first one applies.</summary>
internal sealed class ShutdownRequest(ShimLog log)
{
    private readonly TaskCompletionSource _asked = LoopTask.NewSource();

    /// <summary>Completes when the shim is to shut down.</summary>
    public Task Asked => _asked.Task;

    /// <summary>Requests it.</summary>
    /// <param name="why">For the log.</param>
    public void Ask(string why)
    {
        if (_asked.Task.IsCompleted)
            return;
        log.ShuttingDown(why);
        _asked.SetResult();
    }
}
