using System.Text;
using Shim.Runsc;
using Shim.Tests.Support;
using static Shim.Tests.Runsc.RunscRunnerTest;

namespace Shim.Tests.Runsc;

/// <summary>Commands that end by themselves, or are ended: success, failure and its reason, bounds.</summary>
public sealed class RunscRunnerTests
{
    [Fact]
    public void A_command_and_its_output() => Run(async test =>
    {
        test.Runsc.On("ps", static call =>
        {
            call.Print("[1,");
            call.Print("noise", descriptor: 2);
            call.Print("2]");
        });
        Assert.Equal("[1,2]", Encoding.UTF8.GetString(await test.RunAsync("ps", "web+")));
        RunscCall call = Assert.Single(test.Runsc.Calls);
        Assert.Equal("/opt/runsc", call.Request.Path);
        Assert.Equal(
            ["/opt/runsc", $"--root={test.Shim.RunscRoot}", $"--log={test.Log}", "--log-format=json",
                "--network=none", "ps", "web+"],
            call.Request.Arguments);
        Assert.Null(call.Request.Descriptors[0]);
        Assert.True(call.Request.WithoutMembarrier);
        Assert.Empty(test.Runsc.Signals);
    });

    [Fact]
    public void A_command_that_leaves_a_sandbox_may_use_membarrier() => Run(async test =>
    {
        await test.Runner.RunAsync(["start", "web+"], test.Log, Bound, [], leavesSandbox: true);
        Assert.False(test.Runsc.Calls[0].Request.WithoutMembarrier);
    });

    [Fact]
    public void A_debug_log_is_for_single_commands() => Run(async test =>
    {
        Assert.Same(test.Runner, test.Runner.WithDebug(null));
        await test.Runner.WithDebug(new DebugSettings("/tmp/debug/", 0)).RunAsync(["ps"], test.Log, Bound);
        await test.RunAsync("ps");
        Assert.Equal(["/tmp/debug/", null], test.Runsc.Calls.Select(static call => call.Global("--debug-log")));
    });

    [Fact]
    public void The_output_is_bounded() => Run(async test =>
    {
        test.Runsc.On("ps", static call =>
        {
            for (int megabyte = 0; megabyte < 5; megabyte++)
                call.Print(new string('x', 1 << 20));
        });
        Assert.Equal(1 << 20, (await test.RunAsync("ps")).Length);
    });

    [Fact]
    public void A_failure_has_the_last_error_of_the_log() => Run(async test =>
    {
        test.Runsc.On("start", static call =>
        {
            call.LogError("the first");
            call.LogError("the last");
            call.End(128 << 8);
        });
        RunscException e = await FailureAsync(
            test.RunForContainerAsync("start", "web+"), RunscFailure.Failed, "start", "the last");
        Assert.DoesNotContain("the first", e.Message, StringComparison.Ordinal);
        Assert.Single(test.Runsc.Calls);
    });

    [Fact]
    public void Errors_of_earlier_commands_are_not_the_reason() => Run(async test =>
    {
        test.Runsc.Fail("start", "the earlier");
        await FailureAsync(test.RunForContainerAsync("start"), RunscFailure.Failed, "the earlier");
        test.Runsc.On("start", static call => call.End(2 << 8));
        RunscException e = await FailureAsync(test.RunForContainerAsync("start"), RunscFailure.Failed, "2");
        Assert.DoesNotContain("the earlier", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Without_a_log_its_standard_error_is_the_reason() => Run(async test =>
    {
        test.Runsc.On("ps", static call =>
        {
            call.Print("flag provided but not defined: -x\nUsage: …\n", descriptor: 2);
            call.End(2 << 8);
        });
        RunscException e = await FailureAsync(test.RunAsync("ps"), RunscFailure.Unsupported, "-x");
        Assert.DoesNotContain("Usage", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_log_comes_before_the_standard_error() => Run(async test =>
    {
        test.Runsc.On("ps", static call =>
        {
            call.Print("noise", descriptor: 2);
            call.Fail("the reason");
        });
        RunscException e = await FailureAsync(test.RunAsync("ps"), RunscFailure.Failed, "the reason");
        Assert.DoesNotContain("noise", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void An_error_in_the_flags_that_the_container_got_is_asked_for_again() => Run(async test =>
    {
        test.Runsc.On("start", static call => call.End(2 << 8));
        test.Runsc.On("help", static call =>
        {
            call.Print("flag provided but not defined: -x\n", descriptor: 2);
            call.End(2 << 8);
        });
        await FailureAsync(test.RunForContainerAsync("start"), RunscFailure.Unsupported, "-x");
        Assert.Equal(["start", "help"], test.Runsc.Commands);
        // With the same flags: one of them may be the reason.
        Assert.Equal(test.Runsc.Calls[0].Request.Arguments.SkipLast(1),
            test.Runsc.Calls[1].Request.Arguments.SkipLast(1));
    });

    [Fact]
    public void What_help_says_without_an_error_is_not_the_reason() => Run(async test =>
    {
        test.Runsc.On("start", static call => call.End(3 << 8));
        test.Runsc.On("help", static call => call.Print("Usage: …"));
        RunscException e = await FailureAsync(test.RunForContainerAsync("start"), RunscFailure.Failed, "3");
        Assert.DoesNotContain("Usage", e.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_help_that_hangs_does_not_hide_the_failure() => Run(async test =>
    {
        test.Runsc.On("start", static call => call.End(3 << 8));
        test.Runsc.Hold("help");
        Task starting = test.RunForContainerAsync("start");
        RunscCall help = await test.Runsc.UntilAsync("help");
        await test.Shim.Time.UntilAwaitedAsync(TimeSpan.FromSeconds(5));
        test.Shim.Time.Advance(TimeSpan.FromSeconds(5));
        await FailureAsync(starting, RunscFailure.Failed, "start", "3");
        Assert.Equal([$"{help.Pid} 9"], test.Runsc.Signals);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_command_that_takes_too_long_is_killed(bool forContainer) => Run(async test =>
    {
        test.Runsc.Hold("start");
        Task starting = forContainer ? test.RunForContainerAsync("start") : test.RunAsync("start");
        test.Shim.Time.Advance(Bound - TimeSpan.FromMilliseconds(1));
        await TestShim.SettleAsync();
        Assert.Empty(test.Runsc.Signals);
        test.Shim.Time.Advance(TimeSpan.FromMilliseconds(1));
        await FailureAsync(starting, RunscFailure.TimedOut, "start", "60");
        Assert.Equal([$"{test.Runsc.Calls[0].Pid} 9"], test.Runsc.Signals);
        Assert.Single(test.Runsc.Calls);
    });

    [Fact]
    public void A_runsc_that_is_missing_is_not_runnable() => Run(async test =>
    {
        test.Runsc.IsMissing = true;
        await FailureAsync(test.RunAsync("ps"), RunscFailure.NotRunnable, "/opt/runsc");
        await FailureAsync(test.RunForContainerAsync("start"), RunscFailure.NotRunnable, "/opt/runsc");
    });

    [Fact]
    public void A_log_that_has_grown_is_emptied_before_the_next_command() => Run(async test =>
    {
        File.WriteAllText(test.Log, new string('x', 1 << 20));
        await test.RunAsync("ps");
        Assert.Equal(1 << 20, new FileInfo(test.Log).Length);
        File.AppendAllText(test.Log, "x");
        test.Runsc.Fail("ps", "the reason");
        await FailureAsync(test.RunAsync("ps"), RunscFailure.Failed, "the reason");
        Assert.InRange(new FileInfo(test.Log).Length, 1, 100);
    });

    [Fact]
    public void Of_what_a_command_logged_the_end_is_read() => Run(async test =>
    {
        test.Runsc.On("ps", static call =>
        {
            call.LogError(new string('x', 2 << 20));
            call.Fail("the reason");
        });
        await FailureAsync(test.RunAsync("ps"), RunscFailure.Failed, "the reason");
    });

    [Fact]
    public void The_version_is_in_the_first_line() => Run(async test =>
    {
        Assert.Equal("release-test", await test.Runner.VersionAsync());
        Assert.Equal("runsc version release-test\nspec: 1.1.0", await test.Runner.VersionTextAsync());
    });

    [Fact]
    public void Help_is_what_either_stream_says() => Run(async test =>
    {
        test.Runsc.On("help", static call =>
        {
            call.Print("out ");
            call.Print("err", descriptor: 2);
        });
        Assert.Equal("out err", Encoding.UTF8.GetString((await test.Runner.HelpAsync(["help", "wait"]))!));
        test.Runsc.On("help", static call => call.End(128 << 8));
        Assert.Null(await test.Runner.HelpAsync(["help", "wait"]));
    });

    [Fact]
    public void A_wait_that_is_abandoned_is_killed() => Run(async test =>
    {
        using CancellationTokenSource abandon = new();
        Task<byte[]> waiting = test.Runner.RunUntilAsync(["wait", "web+"], test.Log, abandon.Token);
        // It has no bound.
        test.Shim.Time.Advance(TimeSpan.FromDays(1));
        await TestShim.SettleAsync();
        Assert.False(waiting.IsCompleted);
        abandon.Cancel();
        await FailureAsync(waiting, RunscFailure.Failed, "wait");
        Assert.Equal([$"{test.Runsc.Calls[0].Pid} 9"], test.Runsc.Signals);
    });

    [Fact]
    public void A_wait_that_ends_answers() => Run(async test =>
    {
        using CancellationTokenSource abandon = new();
        test.Runsc.On("wait", static call =>
        {
            call.Print("answer");
            call.End(0);
        });
        byte[] answer = await test.Runner.RunUntilAsync(["wait", "web+"], test.Log, abandon.Token);
        Assert.Equal("answer", Encoding.UTF8.GetString(answer));
        abandon.Cancel();
        Assert.Empty(test.Runsc.Signals);
    });
}
