using Linux;
using Shim.Events;
using Shim.Io;
using Shim.Logging;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>What containers work with; one for the whole shim.</summary>
public sealed record ContainerContext(
    string Namespace,
    EventLoop Loop,
    Reaper Reaper,
    StdioFactory Stdio,
    EventPublisher Events,
    ContainerStore Store,
    ShimLog Log)
{
    /// <summary>The node's cgroups.</summary>
    public CgroupHierarchies Cgroups { get; } = CgroupHierarchies.Read();

    /// <summary>What the runsc at hand knows.</summary>
    public RunscFeatures Features { get; } = new();

    private static readonly TimeSpan s_mountBound = TimeSpan.FromMinutes(1);

    /// <summary>The loop's clock.</summary>
    public TimeProvider Time => Loop.Time;

    /// <summary>The time of day.</summary>
    public DateTimeOffset Now => Loop.Time.GetUtcNow();

    /// <summary>Mounts a root file system; all of it or nothing.</summary>
    /// <exception cref="LinuxException">A mount failed.</exception>
    public Task MountAsync(IReadOnlyList<MountSpec> mounts, string rootfs) => BlockingAsync("mount", rootfs, () =>
    {
        Mounts.Mount(mounts, rootfs);
        return true;
    });

    /// <summary>Unmounts whatever is mounted at <paramref name="rootfs"/> and below.</summary>
    /// <exception cref="LinuxException">Something could not be unmounted.</exception>
    public Task UnmountAsync(string rootfs) => BlockingAsync("umount", rootfs, () =>
    {
        Mounts.UnmountAll(rootfs);
        return true;
    });

    /// <summary>A call that may block for ever, on a server that is gone for instance: its thread waits, the loop goes on.</summary>
    /// <param name="what">What it does, for messages.</param>
    /// <param name="path">With what, for messages.</param>
    /// <param name="call">The call.</param>
    /// <exception cref="IOException">It did not end in time.</exception>
    public async Task<T> BlockingAsync<T>(string what, string path, Func<T> call)
    {
        try
        {
            return await Loop.RunBlocking(what, call).WaitAsync(s_mountBound, Loop.Time);
        }
        catch (TimeoutException)
        {
            throw new IOException($"{what} {path}: no end after {s_mountBound.TotalSeconds:0} s");
        }
    }
}
