using Linux;
using Shim.Runsc;
using Shim.Sandboxes;
using Shim.Tests.Support;

namespace Shim.Tests.Sandboxes;

/// <summary>What a checkpoint waits for, what waits for it, and how the sandbox goes on after it.</summary>
public sealed class SandboxSavingTests
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    [Fact]
    public void A_checkpoint_waits_for_acts_and_acts_wait_for_it() => SandboxTest.Run(async test =>
    {
        (Task act, TaskCompletionSource endAct) = test.Act();
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = test.Sandbox.SaveAsync(test.One, SandboxEnd.None, () => AddAsync(test, "write", written.Task));
        Assert.True(test.Sandbox.IsBeingSaved);
        Task late = test.Sandbox.ActAsync(() => AddAsync(test, "act", Task.CompletedTask));
        await TestShim.SettleAsync();
        Assert.Empty(test.Control.Calls);
        endAct.SetResult();
        await act;
        await TestShim.SettleAsync();
        Assert.Equal(["write"], test.Control.Calls);
        written.SetResult();
        await saving;
        await late;
        Assert.Equal(["write", "act"], test.Control.Calls);
        Assert.False(test.Sandbox.IsBeingSaved);
    });

    [Fact]
    public void Pauses_and_further_checkpoints_wait_for_it() => SandboxTest.Run(async test =>
    {
        TaskCompletionSource written = LoopTask.NewSource();
        Task saving = test.Sandbox.SaveAsync(test.One, SandboxEnd.None, () => written.Task);
        Task next = test.Sandbox.SaveAsync(
            test.Two, SandboxEnd.None, () => AddAsync(test, "write", Task.CompletedTask));
        Task pausing = test.Sandbox.PauseAsync(test.One);
        await TestShim.SettleAsync();
        Assert.Empty(test.Control.Calls);
        written.SetResult();
        await Task.WhenAll(saving, next, pausing);
        Assert.Equal(["write", "pause one+"], test.Control.Calls);
    });

    [Theory]
    [InlineData(SandboxEnd.None, false, "write", "")]
    [InlineData(SandboxEnd.ByRunsc, true, "write", "")]
    [InlineData(SandboxEnd.ByShim, true, "pause one+, write", "sandbox 9")]
    internal void The_sandbox_ends_as_requested(SandboxEnd end, bool ended, string calls, string signals) =>
        SandboxTest.Run(async test =>
        {
            await test.Sandbox.SaveAsync(test.One, end, () => AddAsync(test, "write", Task.CompletedTask));
            Assert.Equal(ended, test.Sandbox.EndedByCheckpoint);
            Assert.Equal(calls, string.Join(", ", test.Control.Calls));
            Assert.Equal(signals, string.Join(", ", test.Shim.Runsc.Signals));
        });

    [Theory]
    [InlineData(SandboxEnd.None, "write")]
    [InlineData(SandboxEnd.ByRunsc, "write")]
    [InlineData(SandboxEnd.ByShim, "pause one+, write, resume one+")]
    internal void A_checkpoint_that_fails_leaves_the_sandbox_as_it_was(SandboxEnd end, string calls) =>
        SandboxTest.Run(async test =>
        {
            await Assert.ThrowsAsync<RunscException>(() => test.Sandbox.SaveAsync(
                test.One, end, () => AddAsync(test, "write", Failed(RunscFailure.Failed))));
            Assert.False(test.Sandbox.EndedByCheckpoint);
            Assert.False(test.Sandbox.IsBeingSaved);
            Assert.Equal(calls, string.Join(", ", test.Control.Calls));
            Assert.Empty(test.Shim.Runsc.Signals);
            await test.Sandbox.ActAsync(static () => Task.CompletedTask);
        });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_sandbox_that_is_paused_is_not_paused_again(bool fails) => SandboxTest.Run(async test =>
    {
        await test.Sandbox.PauseAsync(test.Two);
        Task saving = test.Sandbox.SaveAsync(test.One, SandboxEnd.ByShim,
            () => AddAsync(test, "write", fails ? Failed(RunscFailure.Failed) : Task.CompletedTask));
        Assert.Equal(fails, await Record.ExceptionAsync(() => saving) is RunscException);
        Assert.Equal(["pause two+", "write"], test.Control.Calls);
        Assert.True(test.Sandbox.IsPaused);
        Assert.Equal(fails ? 0 : 1, test.Shim.Runsc.Signals.Count);
    });

    [Fact]
    public void A_sandbox_that_does_not_resume_yet_is_asked_every_second() => SandboxTest.Run(async test =>
    {
        Task saving = await FailAsync(test, RunscFailure.TimedOut);
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            await test.Shim.Time.UntilAwaitedAsync(s_second);
            Assert.Equal(attempt, Resumes(test));
            test.Shim.Time.Advance(s_second);
        }
        await test.Shim.Time.UntilAwaitedAsync(s_second);
        test.Control.Mend();
        test.Shim.Time.Advance(s_second);
        await Assert.ThrowsAsync<FormatException>(() => saving);
        Assert.Equal(5, Resumes(test));
        Assert.Equal(4, test.Shim.Warnings.Length);
        Assert.Contains("id=one", test.Shim.Warnings[0], StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(RunscFailure.WrongState)]
    [InlineData(RunscFailure.NotFound)]
    internal void A_sandbox_that_is_not_paused_is_not_asked_again(RunscFailure failure) => SandboxTest.Run(async test =>
    {
        Task saving = await FailAsync(test, failure);
        await Assert.ThrowsAsync<FormatException>(() => saving);
        Assert.Equal(1, Resumes(test));
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void A_sandbox_that_has_ended_is_not_asked_again() => SandboxTest.Run(async test =>
    {
        Task saving = await FailAsync(test, RunscFailure.TimedOut);
        await test.Shim.Time.UntilAwaitedAsync(s_second);
        test.Shim.Runsc.EndSandbox(9);
        test.Shim.Time.Advance(s_second);
        await Assert.ThrowsAsync<FormatException>(() => saving);
        Assert.Equal(1, Resumes(test));
        Assert.Single(test.Shim.Warnings);
    });

    [Fact]
    public void A_sandbox_is_asked_180_times_at_most() => SandboxTest.Run(async test =>
    {
        Task saving = await FailAsync(test, RunscFailure.TimedOut);
        for (int attempt = 1; attempt <= 180; attempt++)
        {
            await test.Shim.Time.UntilAwaitedAsync(s_second);
            test.Shim.Time.Advance(s_second);
        }
        await Assert.ThrowsAsync<FormatException>(() => saving);
        Assert.Equal(180, Resumes(test));
        Assert.Equal(180, test.Shim.Warnings.Length);
    });

    [Fact]
    public void A_checkpoint_whose_pause_fails_writes_nothing() => SandboxTest.Run(async test =>
    {
        test.Control.Fail("pause", RunscFailure.TimedOut);
        await Assert.ThrowsAsync<RunscException>(() => test.Sandbox.SaveAsync(
            test.One, SandboxEnd.ByShim, () => AddAsync(test, "write", Task.CompletedTask)));
        Assert.Equal(["pause one+", "resume one+"], test.Control.Calls);
        Assert.False(test.Sandbox.IsBeingSaved);
    });

    private static int Resumes(SandboxTest test) => test.Control.Calls.Count(static call => call == "resume one+");

    /// <summary>A checkpoint whose writing fails, in a sandbox whose resumes fail.</summary>
    private static async Task<Task> FailAsync(SandboxTest test, RunscFailure resume)
    {
        test.Control.Fail("resume", resume);
        Task saving = test.Sandbox.SaveAsync(
            test.One, SandboxEnd.ByShim, static () => Task.FromException(new FormatException("failed")));
        await TestShim.SettleAsync();
        return saving;
    }

    private static Task Failed(RunscFailure failure) => Task.FromException(new RunscException(failure, "failed"));

    private static Task AddAsync(SandboxTest test, string call, Task result)
    {
        test.Control.Calls.Add(call);
        return result;
    }
}
