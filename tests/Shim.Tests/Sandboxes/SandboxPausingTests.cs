using Linux;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>Acting, pausing and resuming: who waits for whom, and what runsc gets of it.</summary>
public sealed class SandboxPausingTests
{
    [Fact]
    public void Acts_overlap() => SandboxTest.Run(async test =>
    {
        (Task one, TaskCompletionSource endOne) = test.Act();
        Assert.Equal(4, await test.Sandbox.ActAsync(() => Task.FromResult(4)));
        Assert.False(one.IsCompleted);
        endOne.SetResult();
        await one;
    });

    [Fact]
    public void Pause_waits_for_every_act_that_is_under_way() => SandboxTest.Run(async test =>
    {
        (Task one, TaskCompletionSource endOne) = test.Act();
        (Task two, TaskCompletionSource endTwo) = test.Act();
        Task pausing = test.Sandbox.PauseAsync(test.One);
        Assert.True(test.Sandbox.IsPaused);
        endTwo.SetResult();
        await two;
        await TestShim.SettleAsync();
        Assert.Empty(test.Control.Calls);
        endOne.SetException(new FormatException("failed"));
        await pausing;
        await Assert.ThrowsAsync<FormatException>(() => one);
        Assert.Equal(["pause one+"], test.Control.Calls);
        Assert.True(test.Sandbox.IsPaused);
    });

    [Fact]
    public void Only_the_first_pause_and_the_last_resume_reach_runsc() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        await test.Sandbox.PauseAsync(test.Two);
        await test.Sandbox.ResumeAsync(test.One);
        Assert.True(test.Sandbox.IsPaused);
        Assert.Equal(["pause one+"], test.Control.Calls);
        await test.Sandbox.ResumeAsync(test.Two);
        Assert.False(test.Sandbox.IsPaused);
        // runsc keeps in its records through which container the sandbox was paused.
        Assert.Equal(["pause one+", "resume one+"], test.Control.Calls);
    });

    [Fact]
    public void Pauses_and_resumes_run_one_after_the_other() => SandboxTest.Run(async test =>
    {
        TaskCompletionSource paused = test.Control.Hold("pause");
        Task one = test.Sandbox.PauseAsync(test.One), two = test.Sandbox.PauseAsync(test.Two);
        Task resumed = test.Sandbox.ResumeAsync(test.One), last = test.Sandbox.ResumeAsync(test.Two);
        await TestShim.SettleAsync();
        Assert.Equal(["pause one+"], test.Control.Calls);
        paused.SetResult();
        await Task.WhenAll(one, two, resumed, last);
        Assert.Equal(["pause one+", "resume one+"], test.Control.Calls);
    });

    [Fact]
    public void A_pause_that_fails_leaves_the_sandbox_running() => SandboxTest.Run(async test =>
    {
        test.Control.Fail("pause", RunscFailure.Failed);
        await Assert.ThrowsAsync<RunscException>(() => test.Sandbox.PauseAsync(test.One));
        Assert.False(test.Sandbox.IsPaused);
        test.Control.Mend();
        await test.Sandbox.PauseAsync(test.Two);
        Assert.True(test.Sandbox.IsPaused);
        Assert.Equal(["pause one+", "pause two+"], test.Control.Calls);
    });

    [Fact]
    public void A_resume_that_fails_leaves_the_sandbox_paused() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        test.Control.Fail("resume", RunscFailure.TimedOut);
        await Assert.ThrowsAsync<RunscException>(() => test.Sandbox.ResumeAsync(test.One));
        Assert.True(test.Sandbox.IsPaused);
        test.Control.Mend();
        await test.Sandbox.ResumeAsync(test.One);
        Assert.False(test.Sandbox.IsPaused);
    });

    [Fact]
    public void WhileRunning_acts_in_a_sandbox_that_is_not_paused() => SandboxTest.Run(async test =>
    {
        TaskCompletionSource end = LoopTask.NewSource();
        Task action = test.Sandbox.WhileRunningAsync(test.One, () => end.Task);
        Task pausing = test.Sandbox.PauseAsync(test.Two);
        await TestShim.SettleAsync();
        Assert.Empty(test.Control.Calls);
        end.SetResult();
        await Task.WhenAll(action, pausing);
        Assert.Equal(["pause two+"], test.Control.Calls);
    });

    [Fact]
    public void WhileRunning_ends_the_pause_of_its_container() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        await test.Sandbox.WhileRunningAsync(test.One, () => AddAsync(test, "action"));
        Assert.Equal(["pause one+", "resume one+", "action"], test.Control.Calls);
        Assert.False(test.Sandbox.IsPaused);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void WhileRunning_pauses_again_if_another_container_is_paused(bool fails) => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        await test.Sandbox.PauseAsync(test.Two);
        Task action = test.Sandbox.WhileRunningAsync(test.One, async () =>
        {
            await AddAsync(test, "action");
            if (fails)
                throw new FormatException("failed");
        });
        Assert.Equal(fails, await Record.ExceptionAsync(() => action) is FormatException);
        Assert.Equal(["pause one+", "resume one+", "action", "pause two+"], test.Control.Calls);
        Assert.True(test.Sandbox.IsPaused);
        await test.Sandbox.ResumeAsync(test.Two);
        Assert.Equal("resume two+", test.Control.Calls[^1]);
    });

    [Fact]
    public void WhileRunning_for_a_container_that_is_not_paused_itself() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.Two);
        await test.Sandbox.WhileRunningAsync(test.One, () => AddAsync(test, "action"));
        Assert.Equal(["pause two+", "resume two+", "action", "pause two+"], test.Control.Calls);
    });

    [Fact]
    public void WhileRunning_leaves_a_dead_sandbox_alone() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        await test.Sandbox.PauseAsync(test.Two);
        test.Shim.Runsc.EndSandbox(9);
        await test.Sandbox.WhileRunningAsync(test.One, () => AddAsync(test, "action"));
        Assert.Equal(["pause one+", "action"], test.Control.Calls);
    });

    [Fact]
    public void WhileRunning_does_not_pause_again_if_the_action_ended_the_sandbox() => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.One);
        await test.Sandbox.PauseAsync(test.Two);
        await test.Sandbox.WhileRunningAsync(test.One, () =>
        {
            test.Shim.Runsc.EndSandbox(9);
            return Task.CompletedTask;
        });
        Assert.Equal(["pause one+", "resume one+"], test.Control.Calls);
    });

    [Fact]
    public void WhileRunning_waits_for_a_pause_that_is_under_way() => SandboxTest.Run(async test =>
    {
        TaskCompletionSource paused = test.Control.Hold("pause");
        Task pausing = test.Sandbox.PauseAsync(test.One);
        Task action = test.Sandbox.WhileRunningAsync(test.One, () => AddAsync(test, "action"));
        await TestShim.SettleAsync();
        Assert.Equal(["pause one+"], test.Control.Calls);
        paused.SetResult();
        await Task.WhenAll(pausing, action);
        Assert.Equal(["pause one+", "resume one+", "action"], test.Control.Calls);
    });

    private static Task AddAsync(SandboxTest test, string call)
    {
        test.Control.Calls.Add(call);
        return Task.CompletedTask;
    }
}
