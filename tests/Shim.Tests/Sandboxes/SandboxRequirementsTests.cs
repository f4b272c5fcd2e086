using Shim.Sandboxes;

namespace Shim.Tests.Sandboxes;

/// <summary>What a sandbox refuses, and its members.</summary>
public sealed class SandboxRequirementsTests
{
    [Fact]
    public void Members_are_in_the_order_of_their_creation() => SandboxTest.Run(test =>
    {
        ExampleMember three = new("three");
        test.Sandbox.Add(three);
        Assert.Equal([test.One, test.Two, three], test.Sandbox.Members);
        test.Sandbox.Remove(test.One);
        Assert.Equal([test.Two, three], test.Sandbox.Members);
        return Task.CompletedTask;
    });

    [Fact]
    public void RequireRunning_refuses_a_sandbox_that_has_ended() => SandboxTest.Run(test =>
    {
        test.Sandbox.RequireRunning("start it");
        test.Shim.Runsc.EndSandbox(0);
        AssertRefused(() => test.Sandbox.RequireRunning("start it"), "start it", "pod");
        return Task.CompletedTask;
    });

    [Fact]
    public void RequireRunning_refuses_a_sandbox_that_is_paused_or_about_to_be() => SandboxTest.Run(async test =>
    {
        (Task act, TaskCompletionSource end) = test.Act();
        Task pausing = test.Sandbox.PauseAsync(test.One);
        AssertRefused(() => test.Sandbox.RequireRunning("start it"), "start it", "pod", "paused");
        end.SetResult();
        await act;
        await pausing;
        AssertRefused(() => test.Sandbox.RequireRunning("start it"), "start it", "pod", "paused");
        await test.Sandbox.ResumeAsync(test.One);
        test.Sandbox.RequireRunning("start it");
    });

    [Fact]
    public void RequireRestored_refuses_before_the_last_container_of_the_image() => SandboxTest.Run(test =>
    {
        test.Sandbox.RequireRestored("pause it");
        SandboxRestore restore = test.Restore("", "web");
        int first = restore.Add(""), web = restore.Add("web");
        restore.Begin(first);
        restore.Restored(first);
        AssertRefused(() => test.Sandbox.RequireRestored("pause it"), "pause it", "pod", "web", restore.ImagePath);
        restore.Begin(web);
        restore.Restored(web);
        test.Sandbox.RequireRestored("pause it");
        return Task.CompletedTask;
    });

    [Fact]
    public void RequireSavable_refuses_where_a_container_does_not_run() => SandboxTest.Run(test =>
    {
        test.Sandbox.RequireSavable(test.One);
        test.Two.IsAlive = false;
        AssertRefused(() => test.Sandbox.RequireSavable(test.One), "one", "two", "stopped");
        AssertRefused(() => test.Sandbox.RequireSavable(test.Two), "two", "stopped");
        test.Sandbox.Remove(test.Two);
        test.Sandbox.RequireSavable(test.One);
        return Task.CompletedTask;
    });

    [Fact]
    public void RequireSavable_refuses_a_sandbox_that_is_being_restored() => SandboxTest.Run(test =>
    {
        SandboxRestore restore = test.Restore("", "web");
        AssertRefused(() => test.Sandbox.RequireSavable(test.One), "one", "pod", restore.ImagePath);
        return Task.CompletedTask;
    });

    private static void AssertRefused(Action act, params string[] words)
    {
        RefusedException e = Assert.Throws<RefusedException>(act);
        Assert.Equal(Refusal.WrongState, e.Refusal);
        Assert.All(words, word => Assert.Contains(word, e.Message, StringComparison.Ordinal));
    }
}
