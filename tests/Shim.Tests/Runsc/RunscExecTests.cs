using Linux;
using Shim.Runsc;
using Shim.Tests.Support;
using static Shim.Tests.Runsc.RunscRunnerTest;

namespace Shim.Tests.Runsc;

/// <summary>Commands that start a process: without a terminal they stay, with one they leave a child behind.</summary>
public sealed class RunscExecTests
{
    private readonly List<ChildProcess> _late = [];

    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(4), s_look = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void It_runs_when_its_process_id_is_written() => Run(async test =>
    {
        TaskCompletionSource exec = test.Runsc.Hold("exec");
        Task<Task<ProcessExit>> starting = ExecAsync(test);
        await test.Shim.Time.UntilAwaitedAsync(s_firstLook);
        test.Shim.Time.Advance(s_firstLook);
        await test.Shim.Time.UntilAwaitedAsync(s_look);
        // An empty file is not written yet.
        File.WriteAllText(test.PidFile, "");
        test.Shim.Time.Advance(s_look);
        await test.Shim.Time.UntilAwaitedAsync(s_look);
        Assert.False(starting.IsCompleted);
        exec.SetResult();
        await TestShim.UntilAsync(() => new FileInfo(test.PidFile) is { Exists: true, Length: > 0 });
        test.Shim.Time.Advance(s_look);
        Task<ProcessExit> ended = await starting;
        Assert.False(ended.IsCompleted);
        test.Runsc.End(test.Runsc.Calls[0].Pid, 4 << 8);
        Assert.Equal(4, (await ended).ExitCode);
    });

    [Fact]
    public void It_is_looked_for_less_often_when_it_takes_long() => Run(async test =>
    {
        TaskCompletionSource exec = test.Runsc.Hold("exec");
        Task<Task<ProcessExit>> starting = ExecAsync(test);
        await test.Shim.Time.UntilAwaitedAsync(s_firstLook);
        test.Shim.Time.Advance(TimeSpan.FromMilliseconds(50));
        foreach (int pause in (int[])[8, 16, 32, 64, 100, 100])
        {
            await test.Shim.Time.UntilAwaitedAsync(TimeSpan.FromMilliseconds(pause));
            test.Shim.Time.Advance(TimeSpan.FromMilliseconds(pause));
        }
        exec.SetResult();
        await TestShim.UntilAsync(() => new FileInfo(test.PidFile) is { Exists: true, Length: > 0 });
        test.Shim.Time.Advance(TimeSpan.FromMilliseconds(100));
        await starting;
    });

    [Fact]
    public void It_has_run_if_it_ends_at_once() => Run(async test =>
    {
        test.Runsc.On("exec", static call =>
        {
            File.WriteAllText(call.Flag("--pid-file")!, "1");
            call.End(5 << 8);
        });
        Assert.Equal(5, (await await ExecAsync(test)).ExitCode);
    });

    [Fact]
    public void It_has_failed_if_it_ends_before() => Run(async test =>
    {
        test.Runsc.Fail("exec", "no such program");
        await FailureAsync(ExecAsync(test), RunscFailure.Failed, "exec", "no such program");
        Assert.Empty(test.Runsc.Signals);
    });

    [Fact]
    public void It_is_handed_over_alive_if_it_takes_too_long() => Run(async test =>
    {
        test.Runsc.Hold("exec");
        Task<Task<ProcessExit>> starting = ExecAsync(test);
        await test.Shim.Time.UntilArmedAsync();
        test.Shim.Time.Advance(Bound);
        await test.Shim.Time.UntilArmedAsync();
        Assert.Empty(test.Runsc.Signals);
        test.Shim.Time.Advance(s_firstLook * 2);
        await FailureAsync(starting, RunscFailure.TimedOut, "exec", "60");
        Assert.Equal(test.Runsc.Calls[0].Pid, Assert.Single(_late).Pid);
        Assert.Empty(test.Runsc.Signals);
    });

    [Fact]
    public void With_a_terminal_the_child_is_watched_that_it_leaves() => Run(async test =>
    {
        Task<ProcessExit> ended = await ExecWithTerminalAsync(test);
        Assert.False(ended.IsCompleted);
        test.Runsc.End(test.Runsc.Calls[0].ChildPid, 4 << 8);
        Assert.Equal(4, (await ended).ExitCode);
    });

    [Fact]
    public void With_a_terminal_it_has_failed_without_a_process_id() => Run(async test =>
    {
        test.Runsc.On("exec", static call => call.End(0));
        await FailureAsync(ExecWithTerminalAsync(test), RunscFailure.Failed, test.PidFile);
    });

    [Fact]
    public void With_a_terminal_too_it_is_handed_over_alive_if_it_takes_too_long() => Run(async test =>
    {
        test.Runsc.Hold("exec");
        Task<Task<ProcessExit>> starting = ExecWithTerminalAsync(test);
        test.Shim.Time.Advance(Bound);
        await FailureAsync(starting, RunscFailure.TimedOut, "exec");
        Assert.Equal(test.Runsc.Calls[0].Pid, Assert.Single(_late).Pid);
        Assert.Empty(test.Runsc.Signals);
    });

    [Theory]
    [InlineData(null, "")]
    [InlineData("/run/tty", " --detach --console-socket tty")]
    public void Only_a_terminal_makes_it_detach(string? consoleSocket, string flags) => Run(async test =>
    {
        RunscCommands commands = new(test.Runner, test.Shim.Context.Features);
        Task<Task<ProcessExit>> starting = commands.ExecAsync("web+", "/p.json", test.PidFile,
            test.Shim.Directory["internal"], consoleSocket, test.Log, [], _late.Add);
        await TestShim.UntilAsync(() => File.Exists(test.PidFile));
        test.Shim.Time.Advance(s_firstLook);
        Task<ProcessExit> ended = await starting;
        Assert.False(ended.IsCompleted);
        Assert.Equal([$"exec --process p.json --pid-file pid --internal-pid-file internal{flags} web+"],
            test.Runsc.Commands);
    });

    private Task<Task<ProcessExit>> ExecAsync(RunscRunnerTest test) =>
        test.Runner.RunUntilWrittenAsync(
            ["exec", "--pid-file", test.PidFile, "web+"], test.Log, Bound, [], test.PidFile, _late.Add);

    private Task<Task<ProcessExit>> ExecWithTerminalAsync(RunscRunnerTest test) =>
        test.Runner.RunAndLeaveAsync(
            ["exec", "--detach", "--pid-file", test.PidFile, "web+"], test.Log, Bound, [], test.PidFile, _late.Add);
}
