using Shim.Checkpoints;
using Shim.Sandboxes;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>The three ends of a restore: the last container, one that fails, one that never comes.</summary>
public sealed class SandboxRestoreTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60), s_tick = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void It_is_over_with_the_last_container() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web", "log");
        int[] places = [restore.Add("any"), restore.Add("log"), restore.Add("web")];
        Assert.Equal([0, 2, 1], places);
        foreach (int place in places)
        {
            Assert.True(restore.IsPending);
            restore.Begin(place);
            restore.Restored(place);
        }
        await restore.Over;
        Assert.False(restore.HasFailed);
        Assert.Empty(test.Shim.Runsc.Signals);
        Assert.False(TestShim.IsOpen(restore.ImagePath));
        Assert.Equal(0, test.Shim.Time.Armed);
    });

    [Fact]
    public void It_stays_open_until_it_is_over() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        Assert.True(TestShim.IsOpen(restore.ImagePath));
        restore.Fail("for the test");
        Assert.False(TestShim.IsOpen(restore.ImagePath));
        return Task.FromResult(test.Shim.Warnings);
    });

    [Fact]
    public void A_container_that_fails_ends_the_sandbox() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        restore.Begin(restore.Add(""));
        restore.Fail("no such image");
        await restore.Over;
        Assert.True(restore.HasFailed);
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        string warning = Assert.Single(test.Shim.Warnings);
        Assert.Contains("sandbox=pod", warning, StringComparison.Ordinal);
        Assert.Contains("no such image", warning, StringComparison.Ordinal);
        // Only the first reason is reported, and only once.
        restore.Fail("another");
        restore.SandboxEnded();
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void A_sandbox_that_ends_before_has_failed() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        test.Shim.Runsc.EndSandbox(9);
        restore.SandboxEnded();
        Assert.True(restore.HasFailed);
        Assert.Empty(test.Shim.Runsc.Signals);
        Assert.Single(test.Shim.Warnings);
        return Task.CompletedTask;
    });

    [Fact]
    public void A_sandbox_that_ends_after_has_not_failed() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("");
        Restore(restore, "");
        restore.SandboxEnded();
        Assert.False(restore.HasFailed);
        return Task.CompletedTask;
    });

    [Fact]
    public void It_is_given_up_if_the_next_container_does_not_come() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        Restore(restore, "");
        test.Shim.Time.Advance(s_timeout - s_tick);
        await TestShim.SettleAsync();
        Assert.True(restore.IsPending);
        test.Shim.Time.Advance(s_tick);
        await restore.Over;
        Assert.True(restore.HasFailed);
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        string warning = Assert.Single(test.Shim.Warnings);
        Assert.Contains("web", warning, StringComparison.Ordinal);
        Assert.Contains("60", warning, StringComparison.Ordinal);
    });

    [Fact]
    public void Before_the_first_container_starts_nothing_is_given_up() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        restore.Add("");
        test.Shim.Time.Advance(s_timeout * 2);
        await TestShim.SettleAsync();
        Assert.True(restore.IsPending);
    });

    [Fact]
    public void Each_container_that_arrives_or_is_restored_gives_it_more_time() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web", "log");
        Restore(restore, "");
        test.Shim.Time.Advance(s_timeout - s_tick);
        int web = restore.Add("web");
        restore.Arrived();
        test.Shim.Time.Advance(s_timeout - s_tick);
        restore.Begin(web);
        restore.Restored(web);
        test.Shim.Time.Advance(s_timeout - s_tick);
        await TestShim.SettleAsync();
        Assert.True(restore.IsPending);
        test.Shim.Time.Advance(s_tick);
        await restore.Over;
        Assert.True(restore.HasFailed);
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void A_restore_under_way_may_take_longer_than_the_timeout() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web", "log");
        Restore(restore, "");
        int web = restore.Add("web");
        restore.Arrived();
        restore.Begin(web);
        test.Shim.Time.Advance(s_timeout * 3);
        await TestShim.SettleAsync();
        Assert.True(restore.IsPending);
        // From here on the timeout applies again, to the container after it.
        restore.Restored(web);
        test.Shim.Time.Advance(s_timeout);
        await restore.Over;
        Assert.True(restore.HasFailed);
        Assert.Contains("log", Assert.Single(test.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void No_timer_is_left_if_the_sandbox_ends() => SandboxTest.Run(async test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        Restore(restore, "");
        Assert.Equal(1, test.Shim.Time.Armed);
        test.Shim.Runsc.EndSandbox(9);
        await TestShim.SettleAsync();
        Assert.Equal(0, test.Shim.Time.Armed);
    });

    [Fact]
    public void A_place_is_given_once_and_can_be_given_back() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        restore.Add("");
        int web = restore.Add("web");
        AssertDoesNotFit(() => restore.Add("web"), restore.ImagePath);
        restore.Remove(web);
        Assert.Equal(web, restore.Add("web"));
        AssertDoesNotFit(() => restore.Add("other"), "other");
        return Task.CompletedTask;
    });

    [Fact]
    public void The_sandboxs_own_container_comes_first() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        int first = restore.Add(""), web = restore.Add("web");
        AssertDoesNotFit(() => restore.Begin(web), restore.ImagePath);
        restore.Begin(first);
        // Begun is not restored.
        AssertDoesNotFit(() => restore.Begin(web), restore.ImagePath);
        restore.Restored(first);
        restore.Begin(web);
        return Task.CompletedTask;
    });

    [Fact]
    public void A_place_given_back_after_the_end_changes_nothing() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("");
        Restore(restore, "");
        restore.Remove(0);
        Assert.False(restore.IsPending);
        Assert.False(restore.HasFailed);
        return Task.CompletedTask;
    });

    private static void Restore(SandboxRestore restore, string name)
    {
        int place = restore.Add(name);
        restore.Begin(place);
        restore.Restored(place);
    }

    private static void AssertDoesNotFit(Action act, string word)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(act);
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        Assert.Contains(word, e.Message, StringComparison.Ordinal);
    }
}
