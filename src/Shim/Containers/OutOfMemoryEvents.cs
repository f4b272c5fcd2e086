using Containerd.Api.Events;
using Linux;
using Shim.Events;

namespace Shim.Containers;

/// <summary>Reports out-of-memory kills in a sandbox for each of its containers.</summary>
/// <remarks>
/// All containers of a sandbox share its cgroup and its memory, so a kill there is each one's. Whoever reports a
/// container's end reports kills first (<see cref="Report"/>), so that the explanation precedes what it explains.
/// </remarks>
public sealed class OutOfMemoryEvents(Sandbox sandbox, ContainerContext context)
{
    private OutOfMemoryWatch _watch = OutOfMemoryWatch.None;

    /// <summary>Starts watching, until the sandbox has ended. Where that cannot be done, it is logged.</summary>
    public void Start()
    {
        sandbox.OutOfMemory = this;
        try
        {
            _watch = OutOfMemoryWatch.Start(context.Loop, sandbox.Pid);
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
            return;
        }
        ReportAll();
        DisposeWithSandbox();
    }

    /// <summary>Publishes an event for each container, if there was a kill that was not reported yet.</summary>
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
        foreach (Container container in sandbox.Containers)
            context.Events.Publish(TaskEvents.Of(new TaskOOM { ContainerId = container.Id }));
    }

    // Async void on purpose: a failure here comes out of the loop's Run instead of being lost.
    private async void ReportAll()
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

    // The same.
    private async void DisposeWithSandbox()
    {
        await Task.WhenAny(sandbox.Died);
        Report();
        _watch.Dispose();
    }
}
