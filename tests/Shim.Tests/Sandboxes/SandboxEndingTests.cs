using Linux;
using Shim.Sandboxes;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>Killing the sandbox's process: when, and when not.</summary>
public sealed class SandboxEndingTests
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10), s_lateBound = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Kill_kills_its_process_once() => SandboxTest.Run(test =>
    {
        test.Sandbox.Kill();
        test.Sandbox.Kill();
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        Assert.True(test.Sandbox.Died.IsCompleted);
        return Task.CompletedTask;
    });

    [Fact]
    public void Kill_leaves_the_sandbox_of_another_shim_alone() => SandboxTest.Run(test =>
    {
        Assert.Null(test.Sandbox.Exit);
        test.Sandbox.Kill();
        Assert.Empty(test.Shim.Runsc.Signals);
        return Task.CompletedTask;
    }, new TaskCompletionSource().Task);

    [Fact]
    public void KillUnlessDead_kills_after_two_seconds() => SandboxTest.Run(async test =>
    {
        Task killing = test.Sandbox.KillUnlessDeadAsync();
        test.Shim.Time.Advance(s_lateBound - s_tick);
        await TestShim.SettleAsync();
        Assert.Empty(test.Shim.Runsc.Signals);
        test.Shim.Time.Advance(s_tick);
        await killing;
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        Assert.Contains("sandbox=pod", Assert.Single(test.Shim.Warnings), StringComparison.Ordinal);
    });

    [Fact]
    public void KillUnlessDead_leaves_one_that_ends_alone() => SandboxTest.Run(async test =>
    {
        Task killing = test.Sandbox.KillUnlessDeadAsync();
        test.Shim.Runsc.EndSandbox(0);
        await killing;
        Assert.Empty(test.Shim.Runsc.Signals);
    });

    [Fact]
    public void KillUnlessEnded_kills_if_the_container_lives_on() => SandboxTest.Run(async test =>
    {
        Task killing = test.Sandbox.KillUnlessEndedAsync(new TaskCompletionSource().Task, s_bound);
        test.Shim.Time.Advance(s_bound - s_tick);
        await TestShim.SettleAsync();
        Assert.Empty(test.Shim.Runsc.Signals);
        test.Shim.Time.Advance(s_tick);
        await killing;
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        Assert.Single(test.Shim.Warnings);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void KillUnlessEnded_leaves_it_alone_if_the_container_or_the_sandbox_ends(bool container) =>
        SandboxTest.Run(async test =>
        {
            TaskCompletionSource ended = LoopTask.NewSource();
            Task killing = test.Sandbox.KillUnlessEndedAsync(ended.Task, s_bound);
            if (container)
                ended.SetResult();
            else
                test.Shim.Runsc.EndSandbox(0);
            await killing;
            Assert.Empty(test.Shim.Runsc.Signals);
            Assert.Equal(0, test.Shim.Time.Armed);
        });

    [Fact]
    public void KillUnlessEnded_waits_as_long_as_the_sandbox_is_paused() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        Task killing = test.Sandbox.KillUnlessEndedAsync(new TaskCompletionSource().Task, s_bound);
        for (int round = 0; round < 3; round++)
        {
            test.Shim.Time.Advance(s_bound);
            await TestShim.SettleAsync();
            Assert.Empty(test.Shim.Runsc.Signals);
        }
        await test.Sandbox.ResumeAsync(test.One);
        test.Shim.Time.Advance(s_bound);
        await killing;
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void KillUnlessEnded_waits_as_long_as_a_checkpoint_is_written() => SandboxTest.Run(async test =>
    {
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = test.Sandbox.SaveAsync(test.One, SandboxEnd.None, () => written.Task);
        Task killing = test.Sandbox.KillUnlessEndedAsync(new TaskCompletionSource().Task, s_bound);
        test.Shim.Time.Advance(s_bound);
        await TestShim.SettleAsync();
        Assert.Empty(test.Shim.Runsc.Signals);
        written.SetResult();
        await saving;
        test.Shim.Time.Advance(s_bound);
        await killing;
        Assert.Equal(["sandbox 9"], test.Shim.Runsc.Signals);
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void KillUnlessEnded_leaves_the_sandbox_of_another_shim_alone() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.KillUnlessEndedAsync(new TaskCompletionSource().Task, s_bound);
        Assert.Equal(0, test.Shim.Time.Armed);
    }, new TaskCompletionSource().Task);
}
