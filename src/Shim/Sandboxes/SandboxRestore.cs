using Linux;
using Shim.Checkpoints;
using Shim.Logging;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>
/// The restore of a sandbox: its containers are restored one by one, and none of them runs before the last. It ends in
/// one of three ways: with the last container, with a container that cannot be restored, or with one that never comes.
/// </summary>
/// <remarks>
/// The image stays open until then. A container that is created later starts without the image, also if it has the name
/// of one in it: it is a restart.
/// </remarks>
internal sealed class SandboxRestore
{
    private readonly Sandbox _sandbox;
    private readonly CheckpointImage _image;
    private readonly RestorePlan _plan;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly ShimLog _log;
    private readonly TaskCompletionSource _over = LoopTask.NewSource();
    private int _arrivals;
    private int _restoring;

    internal SandboxRestore(Sandbox sandbox, CheckpointImage image, RestoreSettings settings, TimeSpan timeout,
        TimeProvider time, ShimLog log)
    {
        _sandbox = sandbox;
        _image = image;
        _plan = image.Plan();
        _timeout = timeout;
        _time = time;
        _log = log;
        Settings = settings;
    }

    /// <summary>The image's directory, for messages.</summary>
    public string ImagePath => _image.Path;

    /// <summary>How runsc reads the image.</summary>
    public RestoreSettings Settings { get; }

    /// <summary>Whether containers of the image are still missing.</summary>
    public bool IsPending => !_over.Task.IsCompleted;

    /// <summary>Whether the sandbox never ran, because it could not be restored.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Completes when the restore is over: the sandbox runs, or has failed.</summary>
    public Task Over => _over.Task;

    /// <summary>Why something cannot be done while containers are missing, after the sandbox's name.</summary>
    public string Reason => $"is being restored from {ImagePath}, and nothing in it runs before all its containers are "
        + $"there (missing: {_plan.Missing})";

    /// <summary>Gives a container that is being created its place in the image.</summary>
    /// <param name="name">Its name; empty if it has none.</param>
    /// <exception cref="CheckpointException">
    /// The image has no place for it, or another container comes first.
    /// </exception>
    public int Add(string name) => _plan.Add(name);

    /// <summary>A container with a place was not created after all, or was deleted before it was restored.</summary>
    public void Remove(int place)
    {
        if (IsPending)
            _plan.Remove(place);
    }

    /// <summary>A container that joins the sandbox was created; now its start is waited for.</summary>
    public void Arrived() => GiveUpLater(++_arrivals);

    /// <summary>A container's restore begins, which may take long.</summary>
    /// <exception cref="CheckpointException">
    /// The sandbox, or another container that comes first, is not restored yet.
    /// </exception>
    public void Begin(int place)
    {
        _plan.RequireTurn(place);
        _restoring++;
    }

    /// <summary>A container has been restored. After the last one, all of them run.</summary>
    public void Restored(int place)
    {
        _plan.Restored(place);
        _restoring--;
        if (!IsPending)
            return;
        if (_plan.IsComplete)
        {
            _log.SandboxRestored(_sandbox.Id, ImagePath);
            End();
            return;
        }
        _log.RestoreWaits(_sandbox.Id, ImagePath, _plan.Missing);
        GiveUpLater(++_arrivals);
    }

    /// <summary>The sandbox cannot be restored. runsc would keep it alive, so it is killed.</summary>
    /// <param name="why">For the log.</param>
    public void Fail(string why)
    {
        if (!IsPending)
            return;
        HasFailed = true;
        _log.RestoreFailed(_sandbox.Id, ImagePath, why);
        End();
        _sandbox.Kill();
    }

    /// <summary>The sandbox has ended. If that was before its restore was over, it could not be restored.</summary>
    public void SandboxEnded() => Fail("the sandbox ended");

    private void GiveUpLater(int arrivals) => LoopTask.Watch(async () =>
    {
        if (await LoopTask.AnyWithinAsync(_timeout, _time, Over, _sandbox.Died))
            return;
        if (arrivals == _arrivals && _restoring == 0)
            Fail($"no further container for {_timeout.TotalSeconds:0} s, missing: {_plan.Missing}");
    });

    private void End()
    {
        _image.Dispose();
        _over.TrySetResult();
    }
}
