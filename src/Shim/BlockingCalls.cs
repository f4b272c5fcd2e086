using Linux;

namespace Shim;

/// <summary>
/// Calls that may block forever, for instance on a file server that is gone. Each waits on a thread of its own, so the
/// loop continues.
/// </summary>
/// <remarks>
/// After a timeout the caller undoes its own steps. If the call succeeds later, its thread undoes that too: it unmounts
/// what it mounted, and closes what it opened.
/// </remarks>
internal sealed class BlockingCalls(EventLoop loop, TimeProvider time)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(1);

    /// <summary>Runs a call.</summary>
    /// <param name="what">What it does, for messages.</param>
    /// <param name="path">On what, for messages.</param>
    /// <param name="call">The call.</param>
    /// <param name="undoLate">Undoes the call if it succeeds too late; null: a result that can be is disposed.</param>
    /// <exception cref="IOException">It did not end within a minute. Its thread still waits.</exception>
    public async Task<T> RunAsync<T>(string what, string path, Func<T> call, Action<T>? undoLate = null)
    {
        T result = default!;
        await RunAsync(what, path, () => result = call(), () =>
        {
            if (undoLate is not null)
                undoLate(result);
            else
                (result as IDisposable)?.Dispose();
        });
        return result;
    }

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(string what, string path, Action call, Action? undoLate = null) =>
        WithinBoundAsync(what, path, call, static () => 0, undoLate);

    /// <summary>Runs a call that may take any time while it makes progress.</summary>
    /// <param name="what">What it does, for messages.</param>
    /// <param name="path">On what, for messages.</param>
    /// <param name="call">The call. It calls its argument, from its own thread, with every step that is done.</param>
    /// <param name="undoLate">Undoes the call if it succeeds too late.</param>
    /// <exception cref="IOException">No step was done within a minute. Its thread still waits.</exception>
    public Task RunStepsAsync(string what, string path, Action<Action> call, Action undoLate)
    {
        int steps = 0;
        return WithinBoundAsync(what, path, () => call(() => Interlocked.Increment(ref steps)),
            () => Volatile.Read(ref steps), undoLate);
    }

    /// <summary>Mounts a root file system: all of its mounts, or none.</summary>
    /// <exception cref="IOException">A mount failed, or did not end within a minute.</exception>
    public Task MountAsync(IReadOnlyList<MountSpec> mounts, string rootfs) =>
        RunAsync("mount", rootfs, () => Mounts.Mount(mounts, rootfs), () => Mounts.UnmountAll(rootfs));

    /// <summary>Unmounts everything at a directory and below it.</summary>
    /// <exception cref="IOException">An unmount failed, or did not end within a minute.</exception>
    public Task UnmountAsync(string rootfs) => RunAsync("umount", rootfs, () => Mounts.UnmountAll(rootfs));

    /// <param name="what">What the call does, for messages.</param>
    /// <param name="path">On what, for messages.</param>
    /// <param name="call">The call.</param>
    /// <param name="steps">How many steps are done: with a new one the time begins again.</param>
    /// <param name="undoLate">Undoes the call if it succeeds too late; null: there is nothing to undo.</param>
    private async Task WithinBoundAsync(
        string what, string path, Action call, Func<int> steps, Action? undoLate)
    {
        Task running = loop.RunBlocking(what, call);
        int before;
        do
        {
            before = steps();
            if (await LoopTask.AnyWithinAsync(s_bound, time, running))
            {
                await running;
                return;
            }
        }
        while (steps() != before);
        if (undoLate is not null)
            LoopTask.Watch(() => UndoLateAsync(what, running, undoLate));
        throw new IOException($"{what} {path}: timed out after {s_bound.TotalSeconds:0} s");
    }

    private async Task UndoLateAsync(string what, Task running, Action undo)
    {
        try
        {
            await running;
        }
        catch (Exception)
        {
            return; // it failed in the end: nothing to undo, and its caller was told
        }
        await loop.RunBlocking($"undo {what}", undo);
    }
}
