using System.Text;
using System.Text.Json;

namespace Shim.Runsc;

/// <summary>Reads what runsc says about a failure: the only place that knows its texts.</summary>
/// <remarks>
/// With <c>--log-format=json</c> runsc appends objects <c>{"msg":…,"level":…,"time":…}</c> with nothing between them.
/// A runsc that was killed leaves the last one torn.
/// </remarks>
internal static class RunscLog
{
    private const int LongestReason = 1024;
    private const string NoReason = "no reason given";
    private const string InconsistentMemory = "inconsistent private memory files on restore";

    /// <summary>The message of the last error in a log, or null where it holds none.</summary>
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
            // The torn end of a log, or bytes that are no UTF-8; what came before them counts.
        }
        return last;
    }

    /// <summary>The exception for a command that ended with an error.</summary>
    /// <param name="command">The subcommand, <c>create</c> for instance.</param>
    /// <param name="exitStatus">Its exit status; runsc's own errors are 128.</param>
    /// <param name="log">What it appended to its log file.</param>
    /// <param name="stderr">What it wrote to its standard error, where that was not the container's.</param>
    public static RunscException Failure(
        string command, int exitStatus, ReadOnlySpan<byte> log, ReadOnlySpan<byte> stderr)
    {
        string words = Explain(LastError(log) ?? FirstLine(stderr) ?? $"{NoReason} (exit status {exitStatus})");
        // containerd's users know these words from runc.
        string message = command is "create" or "start" or "restore" or "exec"
            ? $"OCI runtime {command} failed: {words}"
            : $"runsc {command}: {words}";
        RunscFailure failure = Classify(words);
        // What is not there for the others is a program, an image or a cgroup; that the container is gone is not what
        // they say.
        if (failure == RunscFailure.NotFound && command is not ("kill" or "wait" or "ps" or "events" or "state"))
            failure = RunscFailure.Failed;
        return new RunscException(failure, message);
    }

    /// <summary>The exception for what a sandbox itself says no to, over its control socket.</summary>
    /// <param name="words">The method, and the sandbox's words.</param>
    public static RunscException Refusal(string words) => new(
        // "container "web" not found", "no such process with PID 7", "container "web" not started"
        words.EndsWith("not found", StringComparison.Ordinal) || words.Contains("no such process", StringComparison.Ordinal)
            ? RunscFailure.NotFound
            : words.EndsWith("not started", StringComparison.Ordinal) ? RunscFailure.WrongState
            : RunscFailure.Failed,
        $"the sandbox refused {Explain(words)}");

    /// <summary>
    /// What is for people: the stacks and the memory maps that follow an error of the sandbox's kernel are not, nor is what
    /// a sandbox says to fill the node's logs, and one such error needs its explanation.
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
            words = $"{words[..memory]}{InconsistentMemory}: the image does not fit these containers, or several of them "
                + "share a volume on disk, which gVisor before release-20260803.0 cannot restore";
        return words;
    }

    /// <remarks>As runsc 20240729 and later ones say it; what is not recognised is a plain failure.</remarks>
    private static RunscFailure Classify(string words)
    {
        // "loading container: file does not exist", "signaling …: no such process", and for a sandbox that has ended
        // "connecting to control server at PID 12: connection refused", "sandbox no longer running and …".
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

    /// <summary>Reads one object, leaves the reader at its end; its message if its level is error or worse.</summary>
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
    /// What runsc wrote where it wrote no log: wrong flags and crashes, told first, followed by pages of help or stacks.
    /// Lines of its own debug log (<c>W1123 09:27:25.4 …</c>) before that count only where there is nothing else.
    /// </summary>
    private static string? FirstLine(ReadOnlySpan<byte> text)
    {
        string? logged = null;
        foreach (ReadOnlySpan<char> each in Encoding.UTF8.GetString(text).AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> line = each.Trim();
            if (line is ['D' or 'I' or 'W' or 'E', >= '0' and <= '9', >= '0' and <= '9', >= '0' and <= '9', >= '0' and <= '9', ' ', ..])
                logged = line.ToString();
            else if (!line.IsEmpty)
                return line.ToString();
        }
        return logged;
    }
}
