using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>Who is asked: the sandbox, or runsc in its place. There is no runsc here, and it says so when it is asked.</summary>
public sealed class SandboxControlTests : IDisposable
{
    private const string RunscIsAsked = "runsc has no container web+ in ";
    private static readonly TimeSpan s_forDeath = TimeSpan.FromMilliseconds(500), s_forStatistics = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly FakeTime _time = new();
    private readonly TaskCompletionSource _died = new();
    private readonly List<string> _gaveUp = [];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Runsc_is_asked_once_the_answer_is_nonsense() => Run(async (sandbox, questions) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":\"nonsense\"}"];
        Task<RunscStats> asking = questions.StatsAsync("web+");
        await PassAsync(s_forDeath);
        Assert.StartsWith(RunscIsAsked, (await FailureAsync(asking, RunscFailure.NotFound)).Message, StringComparison.Ordinal);
        Assert.StartsWith(RunscIsAsked, (await FailureAsync(questions.PidsAsync("web+"), RunscFailure.NotFound)).Message, StringComparison.Ordinal);
        Assert.Single(sandbox.Asked);
        Assert.Single(_gaveUp);
    });

    [Fact]
    public void A_refusal_is_an_answer() => Run(async (sandbox, questions) =>
    {
        sandbox.Answers = ["{\"success\":false,\"err\":\"container \\\"web\\\" not found\"}"];
        await FailureAsync(questions.StatsAsync("web+"), RunscFailure.NotFound);
        await FailureAsync(questions.StatsAsync("web+"), RunscFailure.NotFound);
        Assert.Equal(2, sandbox.Asked.Count);

        // However long its words are.
        sandbox.Answers = [$"{{\"success\":false,\"err\":\"{new string('x', 1 << 20)}\"}}"];
        Assert.InRange((await FailureAsync(questions.StatsAsync("web+"), RunscFailure.Failed)).Message.Length, 1024, 1100);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void A_question_that_it_does_not_know_is_runscs() => Run(async (sandbox, questions) =>
    {
        sandbox.Answers = ["{\"success\":false,\"err\":\"unknown method\"}"];
        Task<RunscStats> asking = questions.StatsAsync("web+");
        await PassAsync(s_forDeath);
        Assert.StartsWith(RunscIsAsked, (await FailureAsync(asking, RunscFailure.NotFound)).Message, StringComparison.Ordinal);
        Assert.Equal(["Event: unknown method"], _gaveUp);
    });

    [Fact]
    public void One_that_ends_is_not_asked_again() => Run(async (sandbox, questions) =>
    {
        sandbox.Answers = [""];
        sandbox.CloseAfter = true;
        Task<RunscStats> asking = questions.StatsAsync("web+");
        await _time.UntilAwaitedAsync(s_forDeath);
        _died.SetResult();
        Assert.StartsWith("the sandbox has ended", (await FailureAsync(asking, RunscFailure.NotFound)).Message, StringComparison.Ordinal);
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void One_that_has_answered_is_late_and_no_more() => Run(async (sandbox, questions) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":null}"];
        Assert.Empty(await questions.PidsAsync("web+"));
        sandbox.Answers = [];
        Task<RunscStats> asking = questions.StatsAsync("web+");
        await PassAsync(s_forStatistics);
        Assert.Equal("the sandbox did not answer (Event: no answer within 30 s)", (await FailureAsync(asking, RunscFailure.TimedOut)).Message);
        sandbox.Answers = ["{\"success\":true,\"result\":null}"];
        Assert.Empty(await questions.PidsAsync("web+"));
        Assert.Empty(_gaveUp);
    });

    [Fact]
    public void One_that_never_answered_is_given_up() => Run(async (sandbox, questions) =>
    {
        Task<RunscStats> asking = questions.StatsAsync("web+");
        await PassAsync(s_forStatistics);
        await PassAsync(s_forDeath);
        Assert.StartsWith(RunscIsAsked, (await FailureAsync(asking, RunscFailure.NotFound)).Message, StringComparison.Ordinal);
        Assert.Equal(["Event: no answer within 30 s"], _gaveUp);
    });

    private async Task PassAsync(TimeSpan wait)
    {
        await _time.UntilAwaitedAsync(wait);
        _time.Advance(wait);
    }

    private static async Task<RunscException> FailureAsync(Task asking, RunscFailure failure)
    {
        RunscException e = await Assert.ThrowsAsync<RunscException>(() => asking);
        Assert.Equal(failure, e.Failure);
        return e;
    }

    private void Run(Func<FakeSandbox, SandboxControl, Task> body) => Loops.Run(async loop =>
    {
        using var sandbox = new FakeSandbox(_directory["s"]);
        var settings = new RunscSettings { Binary = "/none", Root = _directory.Path, Flags = new Dictionary<string, string>() };
        await body(sandbox, new SandboxControl(new SandboxSocket(_directory["s"], _time),
            new RunscControl(new RunscRunner(null!, _time, settings), "/dev/null"), static () => null, _died.Task, _gaveUp.Add, _time));
    });
}
