using Linux;

namespace Shim.Sandboxes;

/// <summary>Watches a sandbox's cgroup for out-of-memory kills.</summary>
/// <remarks>
/// The kernel's counter decides, and it is also read when a container ends: the notification alone could arrive after
/// the exit that it explains. A sandbox without a cgroup of its own is not watched.
/// </remarks>
internal sealed class OutOfMemoryWatch : IDisposable
{
    private readonly Cgroup? _group;
    private readonly OomWatcher? _watcher;
    private ulong _seen;

    private OutOfMemoryWatch(Cgroup? group, OomWatcher? watcher)
    {
        _group = group;
        _watcher = watcher;
        _seen = group is null ? 0 : OomCounter.Read(group) ?? 0;
    }

    /// <summary>Starts watching the cgroup of a sandbox.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="hierarchies">The node's cgroups.</param>
    /// <param name="pid">The sandbox's process.</param>
    /// <exception cref="LinuxException">The cgroup cannot be watched.</exception>
    public static OutOfMemoryWatch Start(EventLoop loop, CgroupHierarchies hierarchies, int pid)
    {
        Cgroup group = Cgroup.OfProcess(hierarchies, pid), own = Cgroup.OfProcess(hierarchies, Environment.ProcessId);
        return MemoryDirectory(group) is { } directory && directory != MemoryDirectory(own)
            ? new OutOfMemoryWatch(group, OomWatcher.Open(loop, group))
            : None;
    }

    /// <summary>Watches nothing.</summary>
    public static OutOfMemoryWatch None => new(null, null);

    /// <summary>Waits for the next kill.</summary>
    /// <returns>False when there will be no more.</returns>
    public async Task<bool> WaitAsync()
    {
        if (_watcher is null)
            return false;
        try
        {
            return await _watcher.WaitAsync();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>How many kills there were since the last call.</summary>
    /// <exception cref="LinuxException">The counter cannot be read.</exception>
    public ulong KillsSinceLast()
    {
        if (_group is null || OomCounter.Read(_group) is not { } now || now <= _seen)
            return 0;
        ulong kills = now - _seen;
        _seen = now;
        return kills;
    }

    /// <inheritdoc/>
    public void Dispose() => _watcher?.Dispose();

    private static string? MemoryDirectory(Cgroup group) =>
        group.Mode == CgroupMode.Unified ? group.UnifiedDirectory : group.DirectoryOf("memory");
}
