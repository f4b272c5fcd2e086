using Linux;

namespace Shim;

/// <summary>
/// Calls that may block forever, for instance on a file server that is gone. Each waits on a thread of its own, so the
/// loop continues.
/// </summary>
internal sealed class BlockingCalls(EventLoop loop, TimeProvider time)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(1);

    /// <summary>Runs a call.</summary>
    /// <param name="what">What it does, for messages.</param>
    /// <param name="path">On what, for messages.</param>
    /// <param name="call">The call.</param>
    /// <exception cref="IOException">It did not end within a minute. Its thread still waits.</exception>
    public async Task<T> RunAsync<T>(string what, string path, Func<T> call)
    {
        try
        {
            return await loop.RunBlocking(what, call).WaitAsync(s_bound, time);
        }
        catch (TimeoutException)
        {
            throw new IOException($"{what} {path}: timed out after {s_bound.TotalSeconds:0} s");
        }
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(string what, string path, Action call) => RunAsync(what, path, () =>
    {
        call();
        return true;
    });

    /// <summary>Mounts a root file system: all of its mounts, or none.</summary>
    /// <exception cref="IOException">A mount failed, or did not end within a minute.</exception>
    public Task MountAsync(IReadOnlyList<MountSpec> mounts, string rootfs) =>
        RunAsync("mount", rootfs, () => Mounts.Mount(mounts, rootfs));

    /// <summary>Unmounts everything at a directory and below it.</summary>
    /// <exception cref="IOException">An unmount failed, or did not end within a minute.</exception>
    public Task UnmountAsync(string rootfs) => RunAsync("umount", rootfs, () => Mounts.UnmountAll(rootfs));
}
