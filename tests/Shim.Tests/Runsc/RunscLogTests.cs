using System.Text;
using Shim.Runsc;

namespace Shim.Tests.Runsc;

/// <summary>The texts are what runsc 20240729 writes, unless a test says otherwise.</summary>
public sealed class RunscLogTests
{
    private const string NotThere =
        """{"msg":"loading container: file does not exist","level":"error","time":"2026-11-23T09:27:24.808917113Z"}""";

    private const string NoSpec =
        """{"msg":"reading spec: error opening spec file \"/b/config.json\": open /b/config.json: no such file or directory","level":"error","time":"2026-11-23T09:27:25.695675788Z"}""";

    private const string Warning =
        """{"msg":"cgroup v1 is deprecated","level":"warning","time":"2026-11-23T09:27:25Z"}""";

    [Fact]
    public void The_last_error_counts()
    {
        Assert.Equal("loading container: file does not exist", LastError(NotThere));
        Assert.Equal("loading container: file does not exist", LastError(NoSpec + NotThere));
        Assert.Equal("loading container: file does not exist", LastError(NoSpec + "\n" + NotThere + "\n"));
        Assert.Equal("loading container: file does not exist", LastError(NotThere + Warning));
        Assert.Equal("fatal", LastError("""{"level":"fatal","msg":"fatal"}"""));
    }

    [Fact]
    public void A_torn_end_does_not_hide_what_came_before()
    {
        string all = NoSpec + NotThere;
        for (int length = NoSpec.Length; length < all.Length; length++)
            Assert.Equal(
                "reading spec: error opening spec file \"/b/config.json\": open /b/config.json: no such file or directory",
                LastError(all[..length]));
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
    public void What_is_no_error_is_none(string log) => Assert.Null(LastError(log));

    [Fact]
    public void Fields_of_any_order_and_kind_are_passed_over()
    {
        Assert.Equal("it",
            LastError("""7 {"x":[{"msg":"no"}],"level":"error","y":{"level":"info"},"msg":"it","z":null}"""));
    }

    [Fact]
    public void Bytes_that_are_no_UTF8_do_no_harm()
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
    internal void What_the_words_mean(string words, RunscFailure failure)
    {
        byte[] log = Encoding.UTF8.GetBytes(
            $$"""{"msg":"{{words.Replace("\"", "\\\"", StringComparison.Ordinal)}}","level":"error"}""");
        RunscException e = RunscLog.Failure("kill", 128, log, "something else\n"u8);
        Assert.Equal(failure, e.Failure);
        Assert.Equal($"runsc kill: {words}", e.Message);
    }

    [Fact]
    public void Without_a_log_standard_error_tells()
    {
        // Wrong flags never reach the log, and what is wrong stands before the help text.
        AssertTells("flag provided but not defined: -foo", RunscFailure.Unsupported,
            "flag provided but not defined: -foo\ncreate [flags] <container id> - create a secure container\n"
            + "  -bundle string\n");
        AssertTells("invalid value \"foo\" for flag -network: invalid network type \"foo\"", RunscFailure.Failed,
            "invalid value \"foo\" for flag -network: invalid network type \"foo\"\n"
            + "Usage: runsc <flags> <subcommand> <subcommand args>\n\n");
        // So it is where runsc crashes.
        AssertTells("panic: kernel is not running", RunscFailure.NotFound,
            "panic: kernel is not running\n\ngoroutine 1 [running]:\nmain.main()\n\tmain.go:23 +0x1d\n");
        // Its own log lines come before what it has to say.
        AssertTells("unknown platform: nope", RunscFailure.Failed,
            "W1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: unknown platform: nope\nunknown platform: nope");
        AssertTells("E1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: only this", RunscFailure.Failed,
            "E1123 09:27:25.400881    1691 util.go:64] FATAL ERROR: only this\n");
    }

    /// <summary>As runsc 20240729 wrote them when a pod's image did not fit.</summary>
    [Fact]
    public void A_restores_stacks_and_memory_maps_are_left_out()
    {
        Assert.Equal(
            "OCI runtime restore failed: starting container: error decoding object ID 171 (tmpfs.filesystem) from x: "
            + "Memory file for \"b:/\" not found in CtxMemoryFileMap",
            RunscLog.Failure("restore", 128, Encoding.UTF8.GetBytes(
                """{"msg":"starting container: error decoding object ID 171 (tmpfs.filesystem) from x: Memory file for \"b:/\" not found in CtxMemoryFileMap:\ngoroutine 30 [running]:\ngvisor.dev/gvisor","level":"error"}"""), []).Message);
        Assert.Equal(
            "OCI runtime restore failed: starting container: inconsistent private memory files on restore: the image does not "
            + "fit these containers, or several of them share a volume on disk, which gVisor before release-20260803.0 cannot restore",
            RunscLog.Failure("restore", 128, Encoding.UTF8.GetBytes(
                """{"msg":"starting container: inconsistent private memory files on restore: savedMFOwners = [a:/], map[a:/:unwasteSmall:\n-   0: [0x0","level":"error"}"""), []).Message);
    }

    [Theory]
    [InlineData("create", "OCI runtime create failed: it is so")]
    [InlineData("start", "OCI runtime start failed: it is so")]
    [InlineData("exec", "OCI runtime exec failed: it is so")]
    [InlineData("delete", "runsc delete: it is so")]
    public void Words_that_containerds_users_know(string command, string message)
    {
        Assert.Equal(message, RunscLog.Failure(command, 128, """{"msg":"it is so","level":"error"}"""u8, []).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n\n")]
    public void Without_words_the_exit_status_tells(string stderr)
    {
        RunscException e = RunscLog.Failure("events", 128, [], Encoding.UTF8.GetBytes(stderr));
        Assert.Equal("runsc events: no reason given (exit status 128)", e.Message);
        Assert.Equal(RunscFailure.Failed, e.Failure);
    }

    private static string? LastError(string log) => RunscLog.LastError(Encoding.UTF8.GetBytes(log));

    private static void AssertTells(string words, RunscFailure failure, string stderr)
    {
        RunscException e =
            RunscLog.Failure("state", 128, Encoding.UTF8.GetBytes(Warning), Encoding.UTF8.GetBytes(stderr));
        Assert.Equal($"runsc state: {words}", e.Message);
        Assert.Equal(failure, e.Failure);
    }
}
