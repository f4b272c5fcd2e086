using System.Text;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

/// <summary>The texts are those of runsc 20240729, unless a test says otherwise.</summary>
public sealed class RunscLogTests
{
    private const string NotThere =
        """{"msg":"loading container: file does not exist","level":"error","time":"2026-11-23T09:27:24.808917113Z"}""";

    private const string NoSpec =
        """{"msg":"reading spec: error opening spec file \"/b/config.json\": open /b/config.json: """
        + """no such file or directory","level":"error","time":"2026-11-23T09:27:25.695675788Z"}""";

    private const string Warning =
        """{"msg":"cgroup v1 is deprecated","level":"warning","time":"2026-11-23T09:27:25Z"}""";

    [Fact]
    public void LastError_returns_the_last_error()
    {
        Assert.Equal("loading container: file does not exist", LastError(NotThere));
        Assert.Equal("loading container: file does not exist", LastError(NoSpec + NotThere));
        Assert.Equal("loading container: file does not exist", LastError(NoSpec + "\n" + NotThere + "\n"));
        Assert.Equal("loading container: file does not exist", LastError(NotThere + Warning));
        Assert.Equal("fatal", LastError("""{"level":"fatal","msg":"fatal"}"""));
    }

    [Fact]
    public void An_incomplete_end_does_not_hide_what_comes_before()
    {
        string all = NoSpec + NotThere;
        for (int length = NoSpec.Length; length < all.Length; length++)
            Assert.Equal("reading spec: error opening spec file \"/b/config.json\": "
                + "open /b/config.json: no such file or directory", LastError(all[..length]));
        for (int length = 0; length < NotThere.Length; length++)
            Assert.Null(LastError(NotThere[..length]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("no JSON at all")]
    [InlineData(Warning)]
    [InlineData("""{"msg":"started","level":"info"}""")]
    [InlineData("""{"msg":"no level"}""")]
    [InlineData("""{"level":"error"}""")]
    [InlineData("""{"msg":{"level":"error"},"level":"error"}""")]
    [InlineData("""{"msg":"number","level":3}""")]
    [InlineData("""{"data":{"msg":"inner","level":"error"},"level":"info"}""")]
    public void LastError_is_null_without_an_error(string log) => Assert.Null(LastError(log));

    [Fact]
    public void Other_fields_are_skipped_in_any_order_and_of_any_type()
    {
        Assert.Equal("it",
            LastError("""7 {"x":[{"msg":"no"}],"level":"error","y":{"level":"info"},"msg":"it","z":null}"""));
    }

    [Fact]
    public void A_log_that_is_not_UTF8_is_accepted()
    {
        byte[] log = Encoding.Latin1.GetBytes("""{"msg":"ÿ is not","level":"error"}""");
        Assert.StartsWith("runsc state: ", RunscLog.Failure("state", 128, log, []).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("loading container: file does not exist", RunscFailure.NotFound)]
    [InlineData("loading container \"web\": file does not exist", RunscFailure.NotFound)]
    [InlineData("loading sandbox: file does not exist", RunscFailure.NotFound)]
    [InlineData("signaling container: no such process", RunscFailure.NotFound)]
    [InlineData("connecting to control server at PID 12: connection refused", RunscFailure.NotFound)]
    [InlineData("sandbox no longer running and failed to get exit status", RunscFailure.NotFound)]
    [InlineData("sandbox is not running", RunscFailure.NotFound)]
    [InlineData("cannot signal container \"web+\" in state created", RunscFailure.WrongState)]
    [InlineData("cannot pause container \"web+\" in state paused", RunscFailure.WrongState)]
    [InlineData("cannot signal container \"web+\" in state stopped", RunscFailure.NotFound)]
    [InlineData("flag provided but not defined: -direct", RunscFailure.Unsupported)]
    [InlineData("unknown platform: nope", RunscFailure.Failed)]
    [InlineData("creating container: cannot create sandbox: EOF", RunscFailure.Failed)]
    [InlineData("reading spec: open /b/config.json: no such file or directory", RunscFailure.Failed)]
    internal void The_words_of_an_error_determine_the_failure(string words, RunscFailure failure)
    {
        byte[] log = Encoding.UTF8.GetBytes(
            $$"""{"msg":"{{words.Replace("\"", "\\\"", StringComparison.Ordinal)}}","level":"error"}""");
        RunscException e = RunscLog.Failure("kill", 128, log, "something else\n"u8);
        Assert.Equal(failure, e.Failure);
        Assert.Equal($"runsc kill: {words}", e.Message);
    }

    [Fact]
    public void Without_a_log_the_error_is_on_standard_error()
    {
        // runsc does not log invalid flags: it reports them before the help text.
        AssertReported("flag provided but not defined: -foo", RunscFailure.Unsupported,
            "flag provided but not defined: -foo\ncreate [flags] <container id> - create a secure container\n"
            + "  -bundle string\n");
        AssertReported("invalid value \"foo\" for flag -network: invalid network type \"foo\"", RunscFailure.Failed,
            "invalid value \"foo\" for flag -network: invalid network type \"foo\"\n"
            + "Usage: runsc <flags> <subcommand> <subcommand args>\n\n");
        // A crash is reported before its stack.
        AssertReported("panic: kernel is not running", RunscFailure.NotFound,
            "panic: kernel is not running\n\ngoroutine 1 [running]:\nmain.main()\n\tmain.go:23 +0x1d\n");
        // Lines of the debug log come before the error.
        AssertReported("unknown platform: nope", RunscFailure.Failed,
            "W1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: unknown platform: nope\nunknown platform: nope");
        AssertReported("E1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: only this", RunscFailure.Failed,
            "E1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: only this\n");
    }

    /// <summary>The errors of runsc 20240729 when a pod's image does not fit.</summary>
    [Theory]
    [InlineData(
        """{"msg":"starting container: error decoding object ID 171 (tmpfs.filesystem) from x: Memory file for """
        + """\"b:/\" not found in CtxMemoryFileMap:\ngoroutine 30 [running]:\ngvisor.dev/gvisor","level":"error"}""",
        "starting container: error decoding object ID 171 (tmpfs.filesystem) from x: "
        + "Memory file for \"b:/\" not found in CtxMemoryFileMap")]
    [InlineData(
        """{"msg":"starting container: inconsistent private memory files on restore: savedMFOwners = [a:/], """
        + """map[a:/:unwasteSmall:\n-   0: [0x0","level":"error"}""",
        "starting container: inconsistent private memory files on restore: the image does not fit these containers, "
        + "or several of them share a volume on disk, which gVisor before release-20260803.0 cannot restore")]
    public void Stacks_and_memory_maps_of_a_failed_restore_are_left_out(string log, string reason) =>
        Assert.Equal($"OCI runtime restore failed: {reason}",
            RunscLog.Failure("restore", 128, Encoding.UTF8.GetBytes(log), []).Message);

    [Theory]
    [InlineData("create", "OCI runtime create failed: it is so")]
    [InlineData("start", "OCI runtime start failed: it is so")]
    [InlineData("exec", "OCI runtime exec failed: it is so")]
    [InlineData("delete", "runsc delete: it is so")]
    public void Messages_begin_with_words_that_users_of_containerd_know(string command, string message) =>
        Assert.Equal(message, RunscLog.Failure(command, 128, """{"msg":"it is so","level":"error"}"""u8, []).Message);

    [Theory]
    [InlineData("")]
    [InlineData(" \n\n")]
    public void Without_any_output_the_exit_status_is_reported(string stderr)
    {
        RunscException e = RunscLog.Failure("events", 128, [], Encoding.UTF8.GetBytes(stderr));
        Assert.Equal("runsc events: no reason given (exit status 128)", e.Message);
        Assert.Equal(RunscFailure.Failed, e.Failure);
    }

    private static string? LastError(string log) => RunscLog.LastError(Encoding.UTF8.GetBytes(log));

    private static void AssertReported(string words, RunscFailure failure, string stderr)
    {
        RunscException e =
            RunscLog.Failure("state", 128, Encoding.UTF8.GetBytes(Warning), Encoding.UTF8.GetBytes(stderr));
        Assert.Equal($"runsc state: {words}", e.Message);
        Assert.Equal(failure, e.Failure);
    }
}
