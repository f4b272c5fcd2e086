using Shim.Bundles;
using Shim.Containers;

namespace Shim.Tests.Containers;

public sealed class ContainerStoreTests
{
    [Fact]
    public void A_reserved_id_counts_and_is_not_found() => TestPod.Run(pod =>
    {
        ContainerStore store = pod.Shim.Store;
        store.Reserve(Pending("web"));
        Assert.Equal(1, store.Count);
        Assert.Empty(store.All);
        AssertNotFound(store, "web");
        Assert.Null(store.FindSandbox("web"));
        return Task.CompletedTask;
    });

    [Fact]
    public void An_id_is_reserved_once() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        PendingCreate web = Pending("web");
        store.Reserve(web);
        AssertTaken(store, "web");
        store.Release(web);
        await pod.AddAsync("web");
        AssertTaken(store, "web");
        Assert.Equal(1, store.Count);
    });

    [Fact]
    public void A_container_is_found_until_it_is_removed() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        Container container = await pod.AddAsync("web");
        store.Reserve(Pending("other"));
        Assert.Same(container, store.Get("web"));
        Assert.Equal([container], store.All);
        Assert.Equal(2, store.Count);
        store.Remove(container);
        AssertNotFound(store, "web");
        Assert.Equal(1, store.Count);
    });

    [Fact]
    public void A_sandbox_is_found_by_its_first_container() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        await pod.AddAsync("pod");
        await pod.AddAsync("web");
        Assert.Same(pod.Sandbox, store.FindSandbox("pod"));
        Assert.Null(store.FindSandbox("web"));
        Assert.Null(store.FindSandbox("missing"));
    });

    [Fact]
    public void A_shutdown_with_no_container_is_done_at_once() =>
        Assert.Equal(1, ShutDown(new ContainerStore(), "web"));

    [Fact]
    public void A_shutdown_while_a_container_is_created_gives_the_create_up_and_is_done_after_its_undo()
    {
        var store = new ContainerStore();
        PendingCreate create = Pending("web");
        store.Reserve(create);
        int times = 0;
        store.ShutDown("web", () => times++);
        Assert.Equal(0, times);
        RefusedException e = Assert.Throws<RefusedException>(create.RequireWanted);
        Assert.Equal(Refusal.GivenUp, e.Refusal);
        Assert.Equal("create of container web was given up: containerd asked for a shutdown", e.Message);
        store.Release(create);
        Assert.Equal(1, times);
    }

    [Fact]
    public void A_shutdown_for_a_container_that_is_created_in_a_pod_leaves_the_pod() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        await pod.AddAsync("pod");
        PendingCreate create = Pending("web"), other = Pending("other");
        store.Reserve(create);
        store.Reserve(other);
        Assert.Equal(0, ShutDown(store, "web"));
        Assert.True(create.GivenUp.IsCompleted);
        Assert.False(other.GivenUp.IsCompleted);
        store.Release(create);
        Assert.Equal(2, store.Count);
    });

    [Fact]
    public void A_shutdown_before_a_container_was_created_after_all_is_forgotten() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        PendingCreate other = Pending("other");
        store.Reserve(other);
        int times = 0;
        store.ShutDown("other", () => times++);
        Container container = await pod.AddAsync("pod");
        store.Remove(container);
        store.Release(other);
        Assert.Equal(0, times);
    });

    private static PendingCreate Pending(string id) => new(id, new Bundle($"/run/{id}"));

    private static int ShutDown(ContainerStore store, string id)
    {
        int times = 0;
        store.ShutDown(id, () => times++);
        return times;
    }

    private static void AssertNotFound(ContainerStore store, string id)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => store.Get(id));
        Assert.Equal(Refusal.NotFound, e.Refusal);
        Assert.Contains(id, e.Message, StringComparison.Ordinal);
    }

    private static void AssertTaken(ContainerStore store, string id)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => store.Reserve(Pending(id)));
        Assert.Equal(Refusal.AlreadyExists, e.Refusal);
        Assert.Contains(id, e.Message, StringComparison.Ordinal);
    }
}
