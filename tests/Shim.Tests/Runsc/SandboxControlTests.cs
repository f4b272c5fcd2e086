using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>
/// Whether a request goes to the sandbox or to a runsc command. There is no runsc record here, so a command fails.
/// </summary>
public sealed class SandboxControlTests : IDisposable
{
    private const string FromCommand = "runsc has no container web+ in ";
    private const string Done = """{"success":true,"err":"","result":{}}""";
    private const string Pause = """{"method":"containerManager.Pause","arg":null}""";
    private const string Resume = """{"method":"containerManager.Resume","arg":null}""";
    private static readonly TimeSpan s_pauseBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_deathBound = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_statsBound = TimeSpan.FromSeconds(2);

    private readonly TempDirectory _directory = new();
    private readonly FakeTime _time = new();
    private readonly TaskCompletionSource _died = new();
    private readonly List<string> _gaveUp = [], _notUndone = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Commands_are_used_after_an_invalid_answer() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":\"nonsense\"}"];
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_deathBound);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, stats);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, control.SignalAsync("web+", 9, 0, all: false));
        Assert.Single(sandbox.Asked);
        Assert.Single(_gaveUp);
    });

    [Fact]
    public void A_refusal_is_a_valid_answer() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = ["{\"success\":false,\"err\":\"container \\\"web\\\" not found\"}"];
        await AssertFailsAsync(RunscFailure.NotFound, "sandbox refused Event: container", control.StatsAsync("web+"));
        await AssertFailsAsync(RunscFailure.NotFound, "sandbox refused Event: container", control.StatsAsync("web+"));
        Assert.Equal(2, sandbox.Asked.Count);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_long_refusal_is_shortened() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = [$"{{\"success\":false,\"err\":\"{new string('x', 1 << 17)}\"}}"];
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => control.StatsAsync("web+"));
        Assert.Equal(RunscFailure.Failed, e.Failure);
        Assert.InRange(e.Message.Length, 1024, 1100);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_command_is_used_if_the_sandbox_does_not_know_the_method() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = ["{\"success\":false,\"err\":\"unknown method\"}"];
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_deathBound);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, stats);
        Assert.Equal(["Event: unknown method"], _gaveUp);
    });

    [Fact]
    public void A_request_fails_without_a_command_if_the_sandbox_ends() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = [""];
        sandbox.CloseAfter = true;
        Task<RunscStats> stats = control.StatsAsync("web+");
        await _time.UntilAwaitedAsync(s_deathBound);
        _died.SetResult();
        await AssertFailsAsync(RunscFailure.NotFound, "the sandbox has ended", stats);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_late_answer_of_a_sandbox_that_has_answered_fails_one_request() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":2}"];
        Assert.Equal(SandboxContainerState.Running, await control.StateAsync("web+"));
        sandbox.Answers = [];
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_statsBound);
        await AssertFailsAsync(RunscFailure.TimedOut, "sandbox request Event: no answer within 2 s", stats);
        sandbox.Answers = ["{\"success\":true,\"result\":2}"];
        Assert.Equal(SandboxContainerState.Running, await control.StateAsync("web+"));
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_socket_that_never_answered_is_given_up() => Run(async (sandbox, control) =>
    {
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_statsBound);
        await PassAsync(s_deathBound);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, stats);
        Assert.Equal(["Event: no answer within 2 s"], _gaveUp);
    });

    [Fact]
    public void Pause_and_resume_are_sent_once() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = [Done];
        await control.PauseAsync("web+");
        await control.ResumeAsync("web+");
        sandbox.Answers = ["""{"success":false,"err":"no"}"""];
        await AssertFailsAsync(RunscFailure.Failed, "sandbox refused Pause: no", control.PauseAsync("web+"));
        sandbox.Answers = [];
        sandbox.CloseAfter = true;
        Task pausing = control.PauseAsync("web+");
        await PassAsync(s_deathBound);
        await AssertFailsAsync(RunscFailure.Failed, "sandbox request Pause: connection closed", pausing);
        Assert.Equal([Pause, Resume, Pause, Pause], sandbox.Asked);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_pause_of_a_sandbox_that_ends_fails() => Run(async (sandbox, control) =>
    {
        sandbox.CloseAfter = true;
        Task pausing = control.PauseAsync("web+");
        await _time.UntilAwaitedAsync(s_deathBound);
        _died.SetResult();
        await AssertFailsAsync(RunscFailure.NotFound, "the sandbox has ended", pausing);
    });

    [Fact]
    public void A_pause_that_is_answered_late_is_undone() => Run(async (sandbox, control) =>
    {
        TaskCompletionSource late = await PauseLateAsync(sandbox, control);
        await AssertFailsAsync(RunscFailure.TimedOut, "sandbox request Resume: an earlier request",
            control.ResumeAsync("web+"));
        late.SetResult();
        await TestShim.UntilAsync(() => sandbox.Asked.Count == 2);
        Assert.Equal([Pause, Resume], sandbox.Asked);
        await UntilAnsweredAsync(() => control.PauseAsync("web+"));
        Assert.Equal([Pause, Resume, Pause], sandbox.Asked);
        Assert.Empty(_notUndone);
    });

    [Fact]
    public void A_late_pause_that_is_not_undone_is_reported() => Run(async (sandbox, control) =>
    {
        TaskCompletionSource late = await PauseLateAsync(sandbox, control);
        await sandbox.AskedAsync;
        await TestShim.SettleAsync();
        late.SetResult(); // the next one is held again
        TaskCompletionSource undo = new();
        sandbox.Held = undo.Task;
        await TestShim.UntilAsync(() => sandbox.Asked.Count == 2);
        sandbox.Answers = ["""{"success":false,"err":"no"}"""];
        undo.SetResult();
        await TestShim.UntilAsync(() => _notUndone.Count == 1);
        Assert.Equal("sandbox refused Resume: no", Assert.Single(_notUndone));
    });

    /// <summary>A pause that is not answered in time.</summary>
    /// <returns>Lets the sandbox answer.</returns>
    private async Task<TaskCompletionSource> PauseLateAsync(FakeSandbox sandbox, SandboxControl control)
    {
        TaskCompletionSource late = new();
        sandbox.Held = late.Task;
        sandbox.Answers = [Done];
        Task pausing = control.PauseAsync("web+");
        await PassAsync(s_pauseBound);
        await AssertFailsAsync(RunscFailure.TimedOut, "sandbox request Pause: no answer within 30 s", pausing);
        return late;
    }

    /// <summary>Makes a request again as long as an earlier one has not been answered.</summary>
    private static async Task UntilAnsweredAsync(Func<Task> request)
    {
        while (true)
            try
            {
                await request();
                return;
            }
            catch (RunscException e) when (e.Failure == RunscFailure.TimedOut)
            {
                await Task.Yield();
            }
    }

    private async Task PassAsync(TimeSpan wait)
    {
        await _time.UntilAwaitedAsync(wait);
        _time.Advance(wait);
    }

    private static async Task AssertFailsAsync(RunscFailure failure, string start, Task request)
    {
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => request);
        Assert.Equal(failure, e.Failure);
        Assert.StartsWith(start, e.Message, StringComparison.Ordinal);
    }

    private void Run(Func<FakeSandbox, SandboxControl, Task> body) => Loops.Run(async loop =>
    {
        using var sandbox = new FakeSandbox(_directory["s"]);
        var settings = new RunscSettings
        {
            Binary = "/none",
            Root = _directory.Path,
            Flags = new Dictionary<string, string>(),
        };
        var commands = new RunscControl(new RunscRunner(null!, _time, settings), "/dev/null");
        await body(sandbox, new SandboxControl(new SandboxSocket(_directory["s"], _time), commands, static () => null,
            _died.Task, _gaveUp.Add, _notUndone.Add, _time));
    });
}
