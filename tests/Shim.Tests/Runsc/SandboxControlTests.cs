using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>
/// Whether a request goes to the sandbox or to a runsc command. There is no runsc record here, so a command fails.
/// </summary>
public sealed class SandboxControlTests : IDisposable
{
    private const string FromCommand = "runsc has no container web+ in ";
    private static readonly TimeSpan s_deathBound = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_statsBound = TimeSpan.FromSeconds(2);

    private readonly TempDirectory _directory = new();
    private readonly FakeTime _time = new();
    private readonly TaskCompletionSource _died = new();
    private readonly List<string> _gaveUp = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Commands_are_used_after_an_invalid_answer() => Run(async (sandbox, control) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":\"nonsense\"}"];
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_deathBound);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, stats);
        await AssertFailsAsync(RunscFailure.NotFound, FromCommand, control.PidsAsync("web+"));
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
        sandbox.Answers = ["{\"success\":true,\"result\":null}"];
        Assert.Empty(await control.PidsAsync("web+"));
        sandbox.Answers = [];
        Task<RunscStats> stats = control.StatsAsync("web+");
        await PassAsync(s_statsBound);
        await AssertFailsAsync(RunscFailure.TimedOut, "sandbox request Event: no answer within 2 s", stats);
        sandbox.Answers = ["{\"success\":true,\"result\":null}"];
        Assert.Empty(await control.PidsAsync("web+"));
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
        await body(sandbox, new SandboxControl(
            new SandboxSocket(_directory["s"], _time), commands, static () => null, _died.Task, _gaveUp.Add, _time));
    });
}
