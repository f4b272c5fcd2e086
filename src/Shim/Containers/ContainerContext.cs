using Linux;
using Shim.Events;
using Shim.Io;
using Shim.Logging;

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
    private static readonly TimeSpan s_mountBound = TimeSpan.FromMinutes(1);

    /// <summary>The loop's clock.</summary>
    public TimeProvider Time => Loop.Time;

    /// <summary>The time of day.</summary>
    public DateTimeOffset Now => Loop.Time.GetUtcNow();

    /// <summary>Mounts a root file system; all of it or nothing.</summary>
    /// <exception cref="LinuxException">A mount failed.</exception>
    public Task MountAsync(IReadOnlyList<MountSpec> mounts, string rootfs) => BoundedAsync("mount", rootfs, () =>
    {
        Mounts.Mount(mounts, rootfs);
        return true;
    });

    /// <summary>Unmounts whatever is mounted at <paramref name="rootfs"/> and below.</summary>
    /// <exception cref="LinuxException">Something could not be unmounted.</exception>
    public Task UnmountAsync(string rootfs) => BoundedAsync("umount", rootfs, () =>
    {
        Mounts.UnmountAll(rootfs);
        return true;
    });

    /// <summary>A call that may block for ever, on a server that is gone for instance: its thread does, not the container.</summary>
    private async Task BoundedAsync(string what, string path, Func<bool> call)
    {
        try
        {
            await Loop.RunBlocking(what, call).WaitAsync(s_mountBound, Loop.Time);
        }
        catch (TimeoutException)
        {
            throw new IOException($"{what} {path}: no end after {s_mountBound.TotalSeconds:0} s");
        }
    }
}
