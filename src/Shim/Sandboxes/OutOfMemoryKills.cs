using Linux;

namespace Shim.Sandboxes;

/// <summary>Finds out which of a sandbox's containers were killed for want of memory.</summary>
/// <remarks>
/// The kernel counts the kills in the sandbox's cgroup, in which the processes of all its containers are, and does not
/// say whose process it was. So each kill explains the end of one container that a signal ends just then; if it was the
/// sandbox's own process, the end of all.
/// </remarks>
internal sealed class OutOfMemoryKills(Sandbox sandbox, ShimContext context)
{
    /// <summary>
    /// The sandbox notices the end of a process, and reports that of its container, within this time.
    /// </summary>
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(10);

    private OutOfMemoryWatch _watch = OutOfMemoryWatch.None;
    private ulong _unexplained;
    private long _lastAt;

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
        LoopTask.Watch(WatchAsync);
        LoopTask.Watch(DisposeWithSandboxAsync);
    }

    /// <summary>Whether a kill explains that a container has just been ended by SIGKILL.</summary>
    public bool Explain()
    {
        Look();
        if (_unexplained == 0 || context.Time.GetElapsedTime(_lastAt) > s_soon)
            return false;
        if (!sandbox.Died.IsCompleted)
            _unexplained--;
        return true;
    }

    /// <returns>Whether there was a kill since it last looked.</returns>
    private bool Look()
    {
        ulong kills;
        try
        {
            kills = _watch.KillsSinceLast();
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
            return false;
        }
        if (kills == 0)
            return false;
        // What nobody's end has explained by now were processes that their containers outlived.
        if (context.Time.GetElapsedTime(_lastAt) > s_soon)
            _unexplained = 0;
        _unexplained += kills;
        _lastAt = context.Time.GetTimestamp();
        context.Log.OutOfMemory(sandbox.Id);
        return true;
    }

    private async Task WatchAsync()
    {
        try
        {
            // v1 tells that memory has run out before it kills and counts.
            while (await _watch.WaitAsync())
                for (TimeSpan pause = s_firstLook; !Look() && pause < s_soon; pause *= 2)
                    await LoopTask.AnyWithinAsync(pause, context.Time, sandbox.Died);
        }
        catch (LinuxException e)
        {
            context.Log.OomNotWatched(sandbox.Id, e);
        }
    }

    private async Task DisposeWithSandboxAsync()
    {
        await Task.WhenAny(sandbox.Died); // however it ended
        Look();
        _watch.Dispose();
    }
}
