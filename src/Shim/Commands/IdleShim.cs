using Linux;
using Shim.Bundles;
using Shim.Containers;

namespace Shim.Commands;

/// <summary>
/// Ends a shim that nobody needs and nobody asks to end: it has no container, and its containerd was killed, has never
/// connected, or has forgotten what it was to create. containerd 1.6, killed before a create and started again, is
/// connected to such a shim for ever, and the container's name is taken. Nor does anybody need containers that have
/// ended and whose bundles are gone: containerd gave up on this shim and ran <c>delete</c>.
/// </summary>
/// <param name="store">The shim's containers.</param>
/// <param name="connections">The number of clients that are connected.</param>
/// <param name="bundle">The bundle in which it was started; null if there was none.</param>
/// <param name="time">The loop's clock.</param>
/// <param name="end">Called with the reason.</param>
internal sealed class IdleShim(
    ContainerStore store, Func<int> connections, Bundle? bundle, TimeProvider time, Action<string> end)
{
    /// <summary>How long a shim waits for a container. containerd creates one as soon as it is connected.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    /// <summary>Watches until the shim ends.</summary>
    public async Task WatchAsync()
    {
        while (true)
        {
            bool isEmpty = await LoopTask.AnyWithinAsync(s_patience, time, store.Empty);
            if ((isEmpty ? await FindReasonAsync() : ReasonWithContainers) is { } reason)
            {
                end(reason);
                return;
            }
        }
    }

    private string? ReasonWithContainers => connections() == 0 && store.IsAbandoned
        ? "its containers have ended, their bundles are gone, and nobody is connected" : null;

    /// <returns>Why the shim is to end; null if it has containers again.</returns>
    private async Task<string?> FindReasonAsync()
    {
        await Task.Yield(); // the call that removed the last one goes on first
        long since = time.GetTimestamp();
        while (store.Empty.IsCompleted)
        {
            bool isConnected = connections() > 0;
            if (!isConnected && store.WasUsed)
                return "its containers are gone, and nobody is connected";
            if (!isConnected && bundle is { Exists: false })
                return "its bundle is gone, and nobody is connected";
            if (time.GetElapsedTime(since) >= s_patience)
                return "it has had no container for a minute";
            await Task.Delay(s_look, time);
        }
        return null;
    }
}
