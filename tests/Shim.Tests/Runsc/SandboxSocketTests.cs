using System.Text.Json;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>The control socket, with a peer that may be hostile.</summary>
public sealed class SandboxSocketTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_answer_may_arrive_in_pieces() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"succ", "ess\":true,\"err\":\"\",\"result\":{\"a\":[1,", "2]}}"];
        using JsonDocument answer =
            await AskAsync(socket, SandboxMethod.Signal, static json => json.WriteStringValue("w\"eb"));
        Assert.Equal(2, answer.RootElement.GetProperty("a").GetArrayLength());
        Assert.Equal("{\"method\":\"containerManager.Signal\",\"arg\":\"w\\u0022eb\"}", sandbox.Asked[0]);
        // One request for each connection, which is closed at once.
        await sandbox.ClosedAsync;
    });

    [Fact]
    public void An_answer_may_be_long() => Run(async (sandbox, socket) =>
    {
        string text = new('x', 1 << 17);
        sandbox.Answers = [$"{{\"success\":true,\"err\":\"\",\"result\":\"{text}\"}}"];
        using JsonDocument answer = await AskAsync(socket, SandboxMethod.Event);
        Assert.Equal(text, answer.RootElement.GetString());
    });

    [Theory]
    [InlineData("{\"success\":false,\"err\":\"container \\\"x\\\" not found\",\"result\":null}",
        "Event: container \"x\" not found")]
    [InlineData("{\"success\":false,\"err\":7}", "Event: no reason given")]
    public void A_refusal(string answer, string message) => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = [answer];
        Assert.Equal(message, (await Assert.ThrowsAsync<SandboxRefusedException>(
            () => AskAsync(socket, SandboxMethod.Event))).Message);
    });

    [Theory]
    [InlineData("not json", "invalid answer")]
    [InlineData("[]", "not an object")]
    [InlineData("7 ", "not an object")]
    [InlineData("}", "not an object")]
    [InlineData("{\"success\":true]", "invalid answer")]
    [InlineData("{}", "no boolean field success")]
    [InlineData("{\"success\":1}", "no boolean field success")]
    [InlineData("{\"success\":true}", "no field result")]
    [InlineData("{\"success\":true,", "connection closed after")]
    [InlineData("", "connection closed after 0 bytes")]
    [InlineData("{\"success\":false,\"err\":\"\\ud800\"}", "invalid answer")]
    public void An_invalid_answer(string answer, string words) => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = [answer];
        sandbox.CloseAfter = true;
        await AssertInvalidAsync(words, socket, SandboxMethod.Event);
    });

    [Fact]
    public void What_follows_the_object_is_ignored() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":1}}"];
        sandbox.CloseAfter = true;
        using JsonDocument answer = await AskAsync(socket, SandboxMethod.Event);
        Assert.Equal(1, answer.RootElement.GetInt32());
    });

    [Fact]
    public void An_answer_may_not_be_nested_too_deeply() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":" + new string('[', 100)];
        await AssertInvalidAsync("nested deeper than 32", socket, SandboxMethod.Event);
    });

    [Fact]
    public void Statistics_may_not_be_too_long() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":\"", .. Enumerable.Repeat(new string('x', 1 << 16), 80)];
        await AssertInvalidAsync("more than 262144 bytes", socket, SandboxMethod.Event);
    });

    [Fact]
    public void A_short_answer_may_not_be_too_long() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":\"", .. Enumerable.Repeat(new string('x', 1 << 12), 17)];
        await AssertInvalidAsync("more than 65536 bytes", socket, SandboxMethod.Wait);
    });

    [Fact]
    public void An_answer_may_not_arrive_in_too_many_pieces() => Run(async (sandbox, socket) =>
    {
        sandbox.Answers = ["{\"success\":true,\"result\":[", .. Enumerable.Repeat("1,", 1100)];
        sandbox.Drips = true;
        await AssertInvalidAsync("more than 1024 pieces", socket, SandboxMethod.Event);
    });

    [Fact]
    public void A_request_times_out() => Loops.Run(async loop =>
    {
        FakeTime time = new();
        using var sandbox = new FakeSandbox(_directory["s"]);
        var socket = new SandboxSocket(_directory["s"], time);
        Task<JsonDocument> request = AskAsync(socket, SandboxMethod.Signal);
        await time.UntilAwaitedAsync(TimeSpan.FromSeconds(10));
        time.Advance(TimeSpan.FromSeconds(10));
        TimeoutException e = await Assert.ThrowsAsync<TimeoutException>(() => request);
        Assert.Equal("Signal: no answer within 10 s", e.Message);
        Assert.False(socket.HasAnswered);
    });

    [Fact]
    public void A_wait_lasts_until_it_is_abandoned() => Run(async (sandbox, socket) =>
    {
        using CancellationTokenSource abandon = new();
        Task waiting = socket.AskAsync(
            SandboxMethod.Wait, static json => json.WriteNullValue(), static _ => { }, abandon.Token);
        await sandbox.AskedAsync;
        Assert.False(waiting.IsCompleted);
        abandon.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    });

    [Fact]
    public void A_request_fails_if_there_is_no_socket() => Loops.Run(async loop =>
        await AssertInvalidAsync("ENOENT", new SandboxSocket(_directory["none"], loop.Time), SandboxMethod.Event));

    [Theory]
    [InlineData("""{"sandbox":{"id":"s+","controlSocketPath":"/run/x.sock"}}""", "/run/x.sock")]
    [InlineData("""{"sandbox":{"id":"s+","controlSocketPath":""}}""", "ROOT/runsc-s+.sock")]
    [InlineData("""{"sandbox":{"id":"s+"}}""", "ROOT/runsc-s+.sock")]
    [InlineData("""{"sandbox":7}""", null)]
    [InlineData("""{"id":"web"}""", null)]
    [InlineData("""{"sandbox":""", null)]
    public void The_path_is_found_in_runscs_record(string record, string? path)
    {
        _directory.Write("web+_sandbox:s+.state", record);
        Assert.Equal(path?.Replace("ROOT", _directory.Path, StringComparison.Ordinal),
            SandboxSocket.FindPath(_directory.Path, "web+"));
        Assert.Null(SandboxSocket.FindPath(_directory.Path, "we"));
        Assert.Null(SandboxSocket.Find(_directory.Path, "we", TimeProvider.System));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(0x0300u, 3)]
    [InlineData(0xff00u, 255)]
    [InlineData(9u, 137)]
    [InlineData(0x8fu, 143)] // with a core dump
    public void The_exit_status_of_a_wait_status(uint packed, int status) =>
        Assert.Equal(status, SandboxControl.ExitStatusOf(packed));

    private static async Task<JsonDocument> AskAsync(
        SandboxSocket socket, SandboxMethod method, Action<Utf8JsonWriter>? argument = null)
    {
        JsonDocument? answer = null;
        await socket.AskAsync(method, argument ?? (static json => json.WriteNullValue()),
            result => answer = JsonDocument.Parse(result.ToArray()));
        return answer!;
    }

    private static async Task AssertInvalidAsync(string words, SandboxSocket socket, SandboxMethod method)
    {
        SandboxSilentException e =
            await Assert.ThrowsAsync<SandboxSilentException>(() => AskAsync(socket, method));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    private void Run(Func<FakeSandbox, SandboxSocket, Task> body) => Loops.Run(async loop =>
    {
        using var sandbox = new FakeSandbox(_directory["s"]);
        await body(sandbox, new SandboxSocket(_directory["s"], loop.Time));
    });
}
