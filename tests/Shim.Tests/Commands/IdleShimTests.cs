using Linux;
using Shim.Bundles;
using Shim.Commands;
using Shim.Containers;
using Shim.Tests.Containers;
using Shim.Tests.Support;

namespace Shim.Tests.Commands;

/// <summary>A shim that nobody needs ends itself.</summary>
public sealed class IdleShimTests
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private int _connections;
    private string? _reason;

    [Theory, InlineData(0), InlineData(1)]
    public void A_shim_without_a_container_ends_after_a_minute(int connections) => TestShim.Run(async shim =>
    {
        _connections = connections;
        Watch(shim, shim.WriteBundle("pod"));
        await LookForAsync(shim, seconds: 60);
    });

    [Fact]
    public void A_shim_whose_create_was_undone_ends_after_a_minute() => TestShim.Run(async shim =>
    {
        var create = new PendingCreate("web", shim.WriteBundle("web"));
        _connections = 1;
        Watch(shim, bundle: null);
        await LookAsync(shim);
        shim.Store.Reserve(create);
        shim.Time.Advance(TimeSpan.FromMinutes(2));
        await TestShim.SettleAsync();
        Assert.Null(_reason);
        shim.Store.Release(create);
        await LookForAsync(shim, seconds: 60);
    });

    [Fact]
    public void A_shim_whose_bundle_is_removed_ends_sooner() => TestShim.Run(async shim =>
    {
        Bundle bundle = shim.WriteBundle("pod");
        Watch(shim, bundle);
        await LookAsync(shim);
        Assert.Null(_reason);
        Directory.Delete(bundle.Path, recursive: true);
        await LookAsync(shim);
        Assert.Equal("its bundle is gone, and nobody is connected", _reason);
    });

    [Fact]
    public void A_shim_whose_last_create_nobody_wants_ends_with_it() => TestShim.Run(async shim =>
    {
        var create = new PendingCreate("web", shim.WriteBundle("web"));
        _connections = 1;
        Watch(shim, shim.WriteBundle("pod"));
        await TestShim.SettleAsync();
        shim.Store.Reserve(create);
        await LookAsync(shim);
        _connections = 0;
        await TestShim.SettleAsync();
        Assert.Null(_reason);
        shim.Store.Release(create);
        await TestShim.UntilAsync(() => _reason is not null);
        Assert.Equal("its containers are gone, and nobody is connected", _reason);
    });

    [Theory, InlineData(0, false, false), InlineData(0, true, true), InlineData(1, true, false)]
    public void A_shim_whose_containers_have_ended_ends_when_containerd_has_removed_their_bundles(
        int connections, bool isRemoved, bool ends) => TestPod.Run(async pod =>
    {
        Container container = await pod.InStateAsync("pod", ProcessState.Stopped);
        _connections = connections;
        Watch(pod.Shim, container.Bundle);
        if (isRemoved)
            Directory.Delete(container.Bundle.Path, recursive: true);
        await LookAsync(pod.Shim, s_patience);
        Assert.Equal(ends ? "its containers have ended, their bundles are gone, and nobody is connected" : null,
            _reason);
    });

    [Fact]
    public void A_shim_whose_container_runs_does_not_end_when_the_bundle_is_removed() => TestPod.Run(async pod =>
    {
        Container container = await pod.InStateAsync("pod", ProcessState.Running);
        Watch(pod.Shim, container.Bundle);
        Directory.Delete(container.Bundle.Path, recursive: true);
        await LookAsync(pod.Shim, s_patience);
        Assert.Null(_reason);
    });

    private void Watch(TestShim shim, Bundle? bundle) => LoopTask.Watch(
        new IdleShim(shim.Store, () => _connections, bundle, shim.Time, reason => _reason = reason).WatchAsync);

    private async Task LookForAsync(TestShim shim, int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            Assert.Null(_reason);
            await LookAsync(shim);
        }
        Assert.Equal("it has had no container for a minute", _reason);
    }

    private static Task LookAsync(TestShim shim) => LookAsync(shim, s_look);

    private static async Task LookAsync(TestShim shim, TimeSpan after)
    {
        await shim.Time.UntilAwaitedAsync(after);
        shim.Time.Advance(after);
        await TestShim.SettleAsync();
    }
}
