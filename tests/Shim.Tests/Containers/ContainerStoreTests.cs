using Shim.Containers;

namespace Shim.Tests.Containers;

public sealed class ContainerStoreTests
{
    [Fact]
    public void A_reserved_id_counts_and_is_not_found() => TestPod.Run(pod =>
    {
        ContainerStore store = pod.Shim.Store;
        store.Reserve("web");
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
        store.Reserve("web");
        AssertTaken(store, "web");
        store.Release("web");
        store.Reserve("web");
        await pod.AddAsync("web");
        AssertTaken(store, "web");
        Assert.Equal(1, store.Count);
    });

    [Fact]
    public void A_container_is_found_until_it_is_removed() => TestPod.Run(async pod =>
    {
        ContainerStore store = pod.Shim.Store;
        Container container = await pod.AddAsync("web");
        store.Reserve("other");
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

    private static void AssertNotFound(ContainerStore store, string id)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => store.Get(id));
        Assert.Equal(Refusal.NotFound, e.Refusal);
        Assert.Contains(id, e.Message, StringComparison.Ordinal);
    }

    private static void AssertTaken(ContainerStore store, string id)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => store.Reserve(id));
        Assert.Equal(Refusal.AlreadyExists, e.Refusal);
        Assert.Contains(id, e.Message, StringComparison.Ordinal);
    }
}
