using Shim.Bundles;
using Shim.Containers;
using Shim.Tests.Support;

namespace Shim.Tests.Containers;

/// <summary>A create that nobody wants any more is undone, whatever tells that.</summary>
public sealed class CreateGivenUpTests
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    [Fact]
    public void The_caller_is_gone() => TestShim.Run(async shim =>
    {
        using CancellationTokenSource caller = new();
        Task<Container> creating = await BeginAsync(shim, caller.Token);
        await caller.CancelAsync();
        await AssertGivenUpAsync(shim, creating);
    });

    [Fact]
    public void A_shutdown_was_asked_for() => TestShim.Run(async shim =>
    {
        Task<Container> creating = await BeginAsync(shim);
        int times = 0;
        shim.Store.ShutDown("pod", () => times++);
        await AssertGivenUpAsync(shim, creating);
        Assert.Equal(1, times);
    });

    /// <summary>The answer is "not found", and no other call follows if the create ends before the shutdown.</summary>
    [Fact]
    public void A_delete_was_asked_for() => TestShim.Run(async shim =>
    {
        Task<Container> creating = await BeginAsync(shim);
        Assert.Equal(Refusal.NotFound,
            Assert.Throws<RefusedException>(() => shim.Store.GetToDelete("pod")).Refusal);
        await AssertGivenUpAsync(shim, creating);
    });

    [Fact]
    public void The_bundle_was_removed() => TestShim.Run(async shim =>
    {
        Task<Container> creating = await BeginAsync(shim);
        string bundle = shim.Directory["bundles/pod"];
        Directory.Delete(bundle, recursive: true);
        // Newer releases of runsc make the directory of their log.
        shim.Runsc.On("delete", _ => Directory.CreateDirectory(bundle));
        Directory.CreateDirectory(bundle);
        await shim.Time.UntilAwaitedAsync(s_look);
        shim.Time.Advance(s_look);
        await AssertGivenUpAsync(shim, creating);
        Assert.False(Directory.Exists(bundle));
    });

    [Fact]
    public void The_bundle_was_removed_just_before_the_end() => TestShim.Run(async shim =>
    {
        TaskCompletionSource create = shim.Runsc.Hold("create");
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("pod"));
        await shim.Runsc.UntilAsync("create");
        File.Delete(new Bundle(shim.Directory["bundles/pod"]).Specification);
        create.SetResult();
        RefusedException e = await Assert.ThrowsAsync<RefusedException>(() => creating);
        Assert.Equal("create of container pod was given up: its bundle was removed", e.Message);
        Assert.Equal(["create", "delete"], shim.Runsc.Calls.Select(static call => call.Command));
        Assert.Equal(0, shim.Store.Count);
        Assert.Single(shim.Warnings);
    });

    [Fact]
    public void A_directory_in_which_there_is_something_is_kept() => TestShim.Run(async shim =>
    {
        Task<Container> creating = await BeginAsync(shim);
        string bundle = shim.Directory["bundles/pod"];
        Directory.Delete(bundle, recursive: true);
        Directory.CreateDirectory(bundle);
        File.WriteAllText(Path.Combine(bundle, "of somebody else"), "");
        await shim.Time.UntilAwaitedAsync(s_look);
        shim.Time.Advance(s_look);
        await AssertGivenUpAsync(shim, creating);
        Assert.True(Directory.Exists(bundle));
    });

    [Fact]
    public void A_bundle_that_stays_changes_nothing() => TestShim.Run(async shim =>
    {
        TaskCompletionSource create = shim.Runsc.Hold("create");
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("pod"));
        await shim.Runsc.UntilAsync("create");
        await shim.Time.UntilAwaitedAsync(s_look);
        shim.Time.Advance(s_look);
        await TestShim.SettleAsync();
        create.SetResult();
        Assert.Same(await creating, shim.Store.Get("pod"));
    });

    [Fact]
    public void A_caller_that_is_gone_after_the_create_changes_nothing() => TestShim.Run(async shim =>
    {
        using CancellationTokenSource caller = new();
        Container container = await shim.Creator.CreateAsync(shim.Request("pod"), caller: caller.Token);
        await caller.CancelAsync();
        await TestShim.SettleAsync();
        Assert.Same(container, shim.Store.Get("pod"));
        await container.StartAsync();
    });

    private static async Task<Task<Container>> BeginAsync(TestShim shim, CancellationToken caller = default)
    {
        shim.Runsc.On("create", static call =>
        {
            call.LeaveRecord();
            return new TaskCompletionSource().Task;
        });
        Task<Container> creating = shim.Creator.CreateAsync(shim.Request("pod"), caller: caller);
        await TestShim.UntilAsync(
            () => Directory.Exists(shim.RunscRoot) && Directory.GetFiles(shim.RunscRoot).Length > 0);
        return creating;
    }

    private static async Task AssertGivenUpAsync(TestShim shim, Task<Container> creating)
    {
        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => creating);
        Assert.Contains("given up", e.Message, StringComparison.Ordinal);
        Assert.Equal(["create", "delete"], shim.Runsc.Calls.Select(static call => call.Command));
        Assert.EndsWith(" 9", Assert.Single(shim.Runsc.Signals), StringComparison.Ordinal);
        Assert.Equal(0, shim.Store.Count);
        Assert.Empty(Directory.GetFiles(shim.RunscRoot));
        Assert.Empty(shim.Events.Lines);
        Assert.Single(shim.Warnings);
    }
}
