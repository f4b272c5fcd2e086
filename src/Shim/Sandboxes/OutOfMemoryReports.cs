using Linux;
using Shim.Events;

namespace Shim.Sandboxes;

/// <summary>Reports out-of-memory kills in a sandbox for each of its containers.</summary>
/// <remarks>
/// All containers of a sandbox share its cgroup and its memory, so a kill there concerns each. An exit is preceded by
/// <see cref="Report"/>, so that the explanation comes before what it explains.
/// </remarks>
internal sealed class OutOfMemoryReports(Sandbox sandbox, ShimContext context)
{
    private OutOfMemoryWatch _watch = OutOfMemoryWatch.None;

    /// <summary>Starts watching, until the sandbox has ended. A failure is logged.</summary>
    public void Start()
    {
        try
        {
            _watch = OutOfMemoryWatch.Start(context.Loop, context.Cgroups, sandbox.Pid);
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
            return;
        }
        LoopTask.Watch(ReportAllAsync);
        LoopTask.Watch(DisposeWithSandboxAsync);
    }

    /// <summary>Publishes an event for each container if there was a kill that was not reported yet.</summary>
    public void Report()
    {
        try
        {
            if (!_watch.HasKilled())
                return;
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
            return;
        }
        context.Log.OutOfMemory(sandbox.Id);
        foreach (ISandboxMember container in sandbox.Members)
            context.Events.Publish(TaskEvents.OutOfMemory(container.Id));
    }

    private async Task ReportAllAsync()
    {
        try
        {
            while (await _watch.WaitAsync())
                Report();
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
        }
    }

    private async Task DisposeWithSandboxAsync()
    {
        await Task.WhenAny(sandbox.Died); // however it ended
        Report();
        _watch.Dispose();
    }
}
