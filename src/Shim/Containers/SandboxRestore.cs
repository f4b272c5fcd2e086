using Shim.Checkpoints;
using Shim.Logging;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>
/// The restore of a sandbox: its containers come back one by one, and none of them runs before the last. It ends in one
/// of three ways: with the last container, with a container that cannot be restored, or with one that never comes.
/// </summary>
/// <remarks>
/// The image stays open until then. A container that is made later begins anew, also one of the same name: it is a
/// restart.
/// </remarks>
public sealed class SandboxRestore(string sandboxId, CheckpointImage image, RestoreSettings settings, TimeSpan bound, ShimLog log)
{
    private readonly RestorePlan _plan = image.Plan();

    // Completed on the loop, hence without RunContinuationsAsynchronously, which would start the thread pool.
    private readonly TaskCompletionSource _over = new();
    private int _arrivals;
    private int _restoring;

    /// <summary>The image's directory, for messages.</summary>
    public string ImagePath { get; } = image.Path;

    /// <summary>What runsc is told.</summary>
    public RestoreSettings Settings => settings;

    /// <summary>Whether containers of the image are still missing.</summary>
    public bool IsPending => !_over.Task.IsCompleted;

    /// <summary>Whether the sandbox never ran, since it could not be restored.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Completes when the restore is over: the sandbox runs, or has failed.</summary>
    public Task Over => _over.Task;

    /// <summary>Gives a container that is being created its place in the image.</summary>
    /// <param name="name">Its name; empty for none.</param>
    /// <exception cref="CheckpointException">The image has no place for it, or another container comes first.</exception>
    public int Add(string name) => _plan.Add(name);

    /// <summary>A container with a place was not made after all, or is gone before it was restored.</summary>
    public void Remove(int place)
    {
        if (IsPending)
            _plan.Remove(place);
    }

    /// <summary>A container that joins the sandbox was made: the wait for it is over, and that for its start begins.</summary>
    /// <param name="sandbox">The sandbox, which is ended if nothing more comes in time.</param>
    /// <param name="time">The loop's clock.</param>
    public void Arrived(Sandbox sandbox, TimeProvider time) => GiveUpLater(sandbox, ++_arrivals, time);

    /// <summary>A container's restore begins, which may take long; it is refused before its turn.</summary>
    /// <exception cref="CheckpointException">The sandbox, or another container before it, is not restored yet.</exception>
    public void Begin(int place)
    {
        _plan.RequireTurn(place);
        _restoring++;
    }

    /// <summary>A container has been restored. With the last one, all of them run.</summary>
    /// <param name="place">The container's place.</param>
    /// <param name="sandbox">Its sandbox, which is ended if nothing more comes in time.</param>
    /// <param name="time">The loop's clock.</param>
    public void Restored(int place, Sandbox sandbox, TimeProvider time)
    {
        _plan.Restored(place);
        _restoring--;
        if (!IsPending)
            return;
        if (_plan.IsComplete)
        {
            log.SandboxRestored(sandboxId, ImagePath);
            End();
            return;
        }
        log.RestoreWaits(sandboxId, ImagePath, _plan.Missing);
        GiveUpLater(sandbox, ++_arrivals, time);
    }

    /// <summary>The sandbox cannot be restored. runsc keeps it alive, so it is ended.</summary>
    /// <param name="sandbox">The sandbox.</param>
    /// <param name="why">For the log.</param>
    public void Fail(Sandbox sandbox, string why)
    {
        if (!IsPending)
            return;
        HasFailed = true;
        log.RestoreFailed(sandboxId, ImagePath, why);
        End();
        sandbox.Kill();
    }

    /// <summary>The sandbox has ended; before its restore did, it could not be restored.</summary>
    public void SandboxEnded(Sandbox sandbox) => Fail(sandbox, "the sandbox ended");

    /// <summary>Why something cannot be done while containers are missing.</summary>
    public string Reason => $"is being restored from {ImagePath}, and nothing in it runs before all its containers are there "
        + $"(missing: {_plan.Missing})";

    // Async void on purpose: a failure here comes out of the loop's Run instead of being lost.
    private async void GiveUpLater(Sandbox sandbox, int arrivals, TimeProvider time)
    {
        using CancellationTokenSource over = new();
        Task late = Task.Delay(bound, time, over.Token);
        if (await Task.WhenAny(late, Over, sandbox.Died) == late && arrivals == _arrivals && _restoring == 0)
            Fail(sandbox, $"no further container for {bound.TotalSeconds:0} s, missing: {_plan.Missing}");
        over.Cancel();
    }

    private void End()
    {
        image.Dispose();
        _over.TrySetResult();
    }
}
