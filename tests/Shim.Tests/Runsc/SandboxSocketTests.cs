using System.Text.Json;
using Linux;
using Shim.Runsc;
using Shim.Tests.Support;

namespace Shim.Tests.Runsc;

/// <summary>The control socket, with a sandbox at its other end that need not be honest.</summary>
public sealed class SandboxSocketTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_question_and_its_answer_in_pieces()
    {
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = ["{\"succ", "ess\":true,\"err\":\"\",\"result\":{\"a\":[1,", "2]}}"];
            using JsonDocument answer = await socket.AskAsync(SandboxMethod.Signal, static json => json.WriteStringValue("w\"eb"));
            Assert.Equal(2, answer.RootElement.GetProperty("result").GetProperty("a").GetArrayLength());
            Assert.Equal("{\"method\":\"containerManager.Signal\",\"arg\":\"w\\u0022eb\"}", sandbox.Asked[0]);
            // One question a connection, which is closed at once.
            await sandbox.ClosedAsync;
        });
    }

    [Fact]
    public void A_long_answer()
    {
        Run(async (loop, sandbox, socket) =>
        {
            string text = new('x', 1 << 20);
            sandbox.Answers = [$"{{\"success\":true,\"err\":\"\",\"result\":\"{text}\"}}"];
            using JsonDocument answer = await socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue());
            Assert.Equal(text, answer.RootElement.GetProperty("result").GetString());
        });
    }

    [Theory]
    [InlineData("{\"success\":false,\"err\":\"container \\\"x\\\" not found\",\"result\":null}", "Event: container \"x\" not found")]
    [InlineData("{\"success\":false,\"err\":7}", "Event: no reason given")]
    public void A_refusal(string answer, string message)
    {
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = [answer];
            Assert.Equal(message, (await Assert.ThrowsAsync<SandboxRefusedException>(
                () => socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue()))).Message);
        });
    }

    [Theory]
    [InlineData("not json", "not the JSON")]
    [InlineData("[]", "it is no object")]
    [InlineData("7 ", "it is no object")]
    [InlineData("}", "it is no object")]
    [InlineData("{\"success\":true]", "not the JSON")]
    [InlineData("{}", "there is no field success")]
    [InlineData("{\"success\":1}", "there is no field success")]
    [InlineData("{\"success\":true}", "there is no field result")]
    [InlineData("{\"success\":true,\"result\":1}}", null)] // what follows the object is nobody's business
    [InlineData("{\"success\":true,", "the connection ended after")]
    [InlineData("", "the connection ended after 0 bytes")]
    [InlineData("{\"success\":false,\"err\":\"\\ud800\"}", "not the JSON")]
    public void What_is_no_answer(string answer, string? words)
    {
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = [answer];
            sandbox.CloseAfter = true;
            if (words is null)
                (await socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue())).Dispose();
            else
                Assert.Contains(words, (await Assert.ThrowsAsync<SandboxSilentException>(
                    () => socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue()))).Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void One_that_nests_too_deep_or_never_ends_is_cut_off()
    {
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = ["{\"success\":true,\"result\":" + new string('[', 100)];
            Assert.Contains("it nests deeper than 32", (await AskAsync(socket)).Message, StringComparison.Ordinal);
        });
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = ["{\"success\":true,\"result\":\"", .. Enumerable.Repeat(new string('x', 1 << 16), 80)];
            Assert.Contains("more than 4194304 bytes", (await AskAsync(socket)).Message, StringComparison.Ordinal);
        });
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = ["{\"success\":true,\"result\":\"", .. Enumerable.Repeat(new string('x', 1 << 12), 17)];
            Assert.Contains("more than 65536 bytes", (await Assert.ThrowsAsync<SandboxSilentException>(
                () => socket.AskAsync(SandboxMethod.Wait, static json => json.WriteNullValue()))).Message, StringComparison.Ordinal);
        });
        Run(async (loop, sandbox, socket) =>
        {
            sandbox.Answers = ["{\"success\":true,\"result\":[", .. Enumerable.Repeat("1,", 1100)];
            sandbox.Drips = true;
            Assert.Contains("more than 1024 pieces", (await AskAsync(socket)).Message, StringComparison.Ordinal);
        });

        static async Task<Exception> AskAsync(SandboxSocket socket) =>
            await Assert.ThrowsAsync<SandboxSilentException>(() => socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue()));
    }

    [Fact]
    public void One_that_says_nothing_is_waited_for_as_long_as_the_question_is_worth()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            using var sandbox = new FakeSandbox(_directory["s"]);
            var socket = new SandboxSocket(_directory["s"], time);
            Task<JsonDocument> asking = socket.AskAsync(SandboxMethod.Signal, static json => json.WriteNullValue());
            await time.UntilAwaitedAsync(TimeSpan.FromSeconds(10));
            time.Advance(TimeSpan.FromSeconds(10));
            Assert.Equal("Signal: no answer within 10 s", (await Assert.ThrowsAsync<TimeoutException>(() => asking)).Message);
            Assert.False(socket.HasAnswered);
        });
    }

    [Fact]
    public void A_wait_lasts_until_it_is_abandoned()
    {
        Run(async (loop, sandbox, socket) =>
        {
            using CancellationTokenSource abandon = new();
            Task<JsonDocument> waiting = socket.AskAsync(SandboxMethod.Wait, static json => json.WriteNullValue(), abandon.Token);
            await sandbox.AskedAsync;
            Assert.False(waiting.IsCompleted);
            abandon.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        });
    }

    [Fact]
    public void Where_nobody_listens()
    {
        Loops.Run(async loop =>
        {
            var socket = new SandboxSocket(_directory["none"], loop.Time);
            Assert.Contains("ENOENT", (await Assert.ThrowsAsync<SandboxSilentException>(
                () => socket.AskAsync(SandboxMethod.Event, static json => json.WriteNullValue()))).Message, StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("""{"sandbox":{"id":"s+","controlSocketPath":"/run/x.sock"}}""", "/run/x.sock")]
    [InlineData("""{"sandbox":{"id":"s+","controlSocketPath":""}}""", "ROOT/runsc-s+.sock")]
    [InlineData("""{"sandbox":{"id":"s+"}}""", "ROOT/runsc-s+.sock")]
    [InlineData("""{"sandbox":7}""", null)]
    [InlineData("""{"id":"web"}""", null)]
    [InlineData("""{"sandbox":""", null)]
    public void It_is_found_in_runscs_record(string record, string? path)
    {
        _directory.Write("web+_sandbox:s+.state", record);
        Assert.Equal(path?.Replace("ROOT", _directory.Path, StringComparison.Ordinal),
            SandboxSocket.Find(_directory.Path, "web+", TimeProvider.System)?.Path);
        Assert.Null(SandboxSocket.Find(_directory.Path, "we", TimeProvider.System));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(0x0300u, 3)]
    [InlineData(0xff00u, 255)]
    [InlineData(9u, 137)]
    [InlineData(0x8fu, 143)] // and it dumped core
    public void An_exit_status(uint packed, int status) => Assert.Equal(status, SandboxControl.ExitStatusOf(packed));

    private void Run(Func<EventLoop, FakeSandbox, SandboxSocket, Task> body) => Loops.Run(async loop =>
    {
        using var sandbox = new FakeSandbox(_directory["s"]);
        await body(loop, sandbox, new SandboxSocket(_directory["s"], loop.Time));
    });
}
