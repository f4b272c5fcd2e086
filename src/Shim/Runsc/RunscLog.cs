using System.Text;
using System.Text.Json;

namespace Shim.Runsc;

/// <summary>Interprets runsc's error messages: the only place that knows their wording.</summary>
/// <remarks>
/// With <c>--log-format=json</c> runsc appends objects <c>{"msg":…,"level":…,"time":…}</c> with nothing between them.
/// A runsc that is killed may leave the last one incomplete.
/// </remarks>
internal static class RunscLog
{
    private const int LongestReason = 1024;
    private const string NoReason = "no reason given";
    private const string InconsistentMemory = "inconsistent private memory files on restore";

    /// <summary>The message of the last error in a log; null if there is none.</summary>
    public static string? LastError(ReadOnlySpan<byte> log)
    {
        string? last = null;
        try
        {
            var reader = new Utf8JsonReader(log, new JsonReaderOptions { AllowMultipleValues = true });
            while (reader.Read())
                if (reader.TokenType == JsonTokenType.StartObject && ErrorOf(ref reader) is { } message)
                    last = message;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The incomplete end of a log, or bytes that are not UTF-8; what comes before them is valid.
        }
        return last;
    }

    /// <summary>The exception for a command that ended with an error.</summary>
    /// <param name="command">The subcommand, such as <c>create</c>.</param>
    /// <param name="exitStatus">Its exit status; runsc's own errors are 128.</param>
    /// <param name="log">What it appended to its log file.</param>
    /// <param name="stderr">What it wrote to its standard error, unless that was the container's.</param>
    public static RunscException Failure(
        string command, int exitStatus, ReadOnlySpan<byte> log, ReadOnlySpan<byte> stderr)
    {
        string words = Explain(LastError(log) ?? FirstLine(stderr) ?? $"{NoReason} (exit status {exitStatus})");
        // containerd's users know these words from runc.
        string message = command is "create" or "start" or "restore" or "exec"
            ? $"OCI runtime {command} failed: {words}"
            : $"runsc {command}: {words}";
        RunscFailure failure = Classify(words);
        // For other commands, what does not exist is a program, an image or a cgroup, and not the container.
        if (failure == RunscFailure.NotFound && command is not ("kill" or "wait" or "ps" or "events" or "state"))
            failure = RunscFailure.Failed;
        return new RunscException(failure, message);
    }

    /// <summary>The exception for a request that a sandbox refuses over its control socket.</summary>
    /// <param name="words">The method, and the sandbox's words.</param>
    public static RunscException Refusal(string words)
    {
        // "container "web" not found", "no such process with PID 7", "container "web" not started"
        RunscFailure failure = words.EndsWith("not found", StringComparison.Ordinal)
            || words.Contains("no such process", StringComparison.Ordinal) ? RunscFailure.NotFound
            : words.EndsWith("not started", StringComparison.Ordinal) ? RunscFailure.WrongState
            : RunscFailure.Failed;
        return new RunscException(failure, $"sandbox refused {Explain(words)}");
    }

    /// <summary>
    /// The part that helps people. It leaves out the stacks and memory maps that follow an error of the sandbox's
    /// kernel, cuts a text with which a sandbox could fill the node's logs, and explains one error that is hard to
    /// understand.
    /// </summary>
    private static string Explain(string words)
    {
        int end = words.AsSpan().IndexOfAny('\n', '\r');
        if (end >= 0)
            words = words[..end].TrimEnd(':', ' ');
        if (words.Length > LongestReason)
            words = $"{words.AsSpan(0, LongestReason)}…";
        int memory = words.IndexOf(InconsistentMemory, StringComparison.Ordinal);
        if (memory >= 0)
            words = $"{words[..memory]}{InconsistentMemory}: the image does not fit these containers, or several of "
                + "them share a volume on disk, which gVisor before release-20260803.0 cannot restore";
        return words;
    }

    /// <remarks>In the wording of runsc 20240729 and later; an unknown text is a plain failure.</remarks>
    private static RunscFailure Classify(string words)
    {
        // "loading container: file does not exist", "signaling …: no such process"; and if the sandbox has ended,
        // "connecting to control server at PID 12: connection refused" or "sandbox no longer running and …".
        if (Has("does not exist") || Has("no such process") || Has("container not found")
            || Has("connecting to control server") || Has("no longer running") || Has("is not running"))
            return RunscFailure.NotFound;
        // "cannot signal container "web" in state created"
        if (Has("cannot ") && Has(" in state "))
            return words.EndsWith(" in state stopped", StringComparison.Ordinal)
                ? RunscFailure.NotFound
                : RunscFailure.WrongState;
        if (Has("flag provided but not defined"))
            return RunscFailure.Unsupported;
        return RunscFailure.Failed;

        bool Has(string text) => words.Contains(text, StringComparison.Ordinal);
    }

    /// <summary>
    /// Reads one object and leaves the reader at its end. Returns its message if its level is error or fatal.
    /// </summary>
    private static string? ErrorOf(ref Utf8JsonReader reader)
    {
        string? message = null;
        bool isError = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isMessage = reader.ValueTextEquals("msg"u8), isLevel = reader.ValueTextEquals("level"u8);
            reader.Read();
            bool isText = reader.TokenType == JsonTokenType.String;
            if (isMessage && isText)
                message = reader.GetString();
            else if (isLevel && isText)
                isError = reader.ValueTextEquals("error"u8) || reader.ValueTextEquals("fatal"u8);
            else
                reader.Skip();
        }
        return isError ? message : null;
    }

    /// <summary>
    /// The first line of what runsc wrote to its standard error: it reports invalid flags and crashes only there, and
    /// pages of help or stacks follow. Lines of its own debug log (<c>W1123 09:27:25.4 …</c>) may come first; the last
    /// of them is used only if there is no other line.
    /// </summary>
    private static string? FirstLine(ReadOnlySpan<byte> text)
    {
        string? logged = null;
        foreach (ReadOnlySpan<char> each in Encoding.UTF8.GetString(text).AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> line = each.Trim();
            if (IsDebugLine(line))
                logged = line.ToString();
            else if (!line.IsEmpty)
                return line.ToString();
        }
        return logged;
    }

    private static bool IsDebugLine(ReadOnlySpan<char> line) =>
        line is ['D' or 'I' or 'W' or 'E', _, _, _, _, ' ', ..] && line[1..5].IndexOfAnyExceptInRange('0', '9') < 0;
}
