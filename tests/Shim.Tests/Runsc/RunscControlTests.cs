using Shim.Runsc;
using static Shim.Tests.Runsc.RunscRunnerTest;

namespace Shim.Tests.Runsc;

/// <summary>Questions to a sandbox by runsc's commands.</summary>
public sealed class RunscControlTests
{
    [Fact]
    public void Without_a_record_of_exactly_this_id_nothing_is_run() => Run(async test =>
    {
        // runsc would take web2 for it.
        WriteRecord(test, "web2+");
        RunscControl control = new(test.Runner, test.Log);
        foreach (Func<Task> ask in (Func<Task>[])
        [
            () => control.SignalAsync("web+", 9, 0, all: false),
            () => control.StatsAsync("web+"), () => control.PauseAsync("web+"), () => control.ResumeAsync("web+"),
            () => control.WaitAsync("web+", CancellationToken.None),
        ])
            await FailureAsync(ask(), RunscFailure.NotFound, "web+", test.Shim.RunscRoot);
        Assert.Equal(SandboxContainerState.Stopped, await control.StateAsync("web+"));
        Assert.Empty(test.Runsc.Calls);
    });

    [Fact]
    public void Each_question_is_a_command() => RunWithRecord(async (test, control) =>
    {
        test.Runsc.On("events", static call => call.Print("""{"data":{"pids":{"current":2}}}"""));
        test.Runsc.On("wait", static call =>
        {
            call.Print("""{"id":"web+","exitStatus":6}""");
            call.End(0);
        });
        await control.SignalAsync("web+", 15, 7, all: false);
        await control.SignalAsync("web+", 9, 0, all: true);
        await control.PauseAsync("web+");
        await control.ResumeAsync("web+");
        Assert.Equal(2UL, (await control.StatsAsync("web+")).PidsCurrent);
        Assert.Equal(6, await control.WaitAsync("web+", CancellationToken.None));
        Assert.Equal(
            [
                "kill --pid 7 web+ 15", "kill --all web+ 9", "pause web+", "resume web+",
                "events --stats web+", "wait web+",
            ],
            test.Runsc.Commands);
    });

    [Theory]
    [InlineData("creating", SandboxContainerState.Created)]
    [InlineData("created", SandboxContainerState.Created)]
    [InlineData("running", SandboxContainerState.Running)]
    [InlineData("paused", SandboxContainerState.Running)]
    [InlineData("stopped", SandboxContainerState.Stopped)]
    internal void A_state(string status, SandboxContainerState state) => RunWithRecord(async (test, control) =>
    {
        test.Runsc.On("state", call => call.Print($$"""{"status":"{{status}}"}"""));
        Assert.Equal(state, await control.StateAsync("web+"));
    });

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("\"text\"")]
    [InlineData("[\"a\"]")]
    [InlineData("[1e99]")]
    public void An_answer_that_is_nonsense_is_a_failure(string answer) => RunWithRecord(async (test, control) =>
    {
        foreach (string command in (string[])["events", "state", "wait"])
            test.Runsc.On(command, call =>
            {
                call.Print(answer);
                call.End(0);
            });
        await FailureAsync(control.StateAsync("web+"), RunscFailure.Failed, "state");
        await FailureAsync(control.WaitAsync("web+", CancellationToken.None), RunscFailure.Failed, "wait");
    });

    [Theory]
    [InlineData("loading container: file does not exist", RunscFailure.NotFound)]
    [InlineData("cannot signal container \"web\" in state created", RunscFailure.WrongState)]
    [InlineData("something else", RunscFailure.Failed)]
    internal void What_a_failure_means(string words, RunscFailure failure) => RunWithRecord(async (test, control) =>
    {
        test.Runsc.Fail("kill", words);
        await FailureAsync(control.SignalAsync("web+", 9, 0, all: false), failure, "kill", words);
    });

    [Fact]
    public void A_question_has_ten_seconds() => RunWithRecord(async (test, control) =>
    {
        test.Runsc.Hold("pause");
        Task pausing = control.PauseAsync("web+");
        test.Shim.Time.Advance(TimeSpan.FromSeconds(10));
        await FailureAsync(pausing, RunscFailure.TimedOut, "pause");
        Assert.Single(test.Runsc.Signals);
    });

    private static void RunWithRecord(Func<RunscRunnerTest, RunscControl, Task> body) => Run(test =>
    {
        WriteRecord(test, "web+");
        return body(test, new RunscControl(test.Runner, test.Log));
    });

    private static void WriteRecord(RunscRunnerTest test, string id)
    {
        Directory.CreateDirectory(test.Shim.RunscRoot);
        File.WriteAllText(Path.Combine(test.Shim.RunscRoot, $"{id}_sandbox:pod+.state"), "{}");
    }
}
