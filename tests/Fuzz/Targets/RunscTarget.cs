using System.Text;
using System.Text.Json;
using Shim.Io;
using Shim.Logging;
using Shim.Runsc;

namespace Fuzz;

/// <summary>runsc's log, messages and answers, and the URIs of standard streams.</summary>
internal static class RunscTarget
{
    private static readonly LogrusLine s_line = new();

    public static void Run(byte[] input)
    {
        string text = Encoding.UTF8.GetString(input);
        foreach (string command in (ReadOnlySpan<string>)["create", "kill"])
        {
            RequireShown(RunscLog.Failure(command, 128, input, []).Message);
            RequireShown(RunscLog.Failure(command, 128, [], input).Message);
        }
        RequireShown(RunscLog.Refusal(text).Message);
        _ = RunscVersion.Parse(text);
        foreach (string flag in RunscHelp.Flags(text).Keys)
            Target.Require(!flag.Contains(' '), "a flag is one word");
        ReadAnswers(input);
        ReadUri(text);
    }

    /// <summary>A message for people: it is short, one line, and stays one in the log.</summary>
    public static void RequireShown(string message)
    {
        Target.Require(message.Length < 1500, "an error is short");
        Target.Require(message.AsSpan().IndexOfAny('\n', '\r') < 0, "an error is one line");
        s_line.Clear();
        s_line.Write("error=");
        s_line.WriteQuoted(message, 2048);
        s_line.End();
        Target.Require(s_line.Bytes.IndexOfAnyInRange((byte)0, (byte)0x1f) == s_line.Bytes.Length - 1
            && s_line.Bytes[^2] == '"', "it is one line in the log");
    }

    private static void ReadAnswers(byte[] input)
    {
        try
        {
            RunscWaitAnswer.Parse(input);
        }
        catch (RunscException)
        {
        }
        try
        {
            SandboxTarget.RequireBounded(RunscStats.Parse(input));
        }
        // RunscControl takes all of these for an invalid answer.
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException
            or FormatException)
        {
        }
    }

    private static void ReadUri(string text)
    {
        try
        {
            StdioUri uri = StdioUri.Parse(text);
            Target.Require(uri.Kind == StdioKind.Null || uri.Path.StartsWith('/'), "a path is absolute");
            Target.Require(!uri.Path.Contains('\0'), "a path has no NUL");
            Target.Require(!uri.Arguments.Any(static each => each.Contains('\0')), "an argument has no NUL");
            Target.Require(uri.Arguments.Count % 2 == 0, "arguments are pairs");
            Target.Require(uri.Arguments.Where(static (_, i) => i % 2 == 0).Distinct().Count() * 2
                == uri.Arguments.Count, "keys occur once");
        }
        catch (FormatException e)
        {
            Target.Require(e.Message.Length < 1000, "an error is short");
        }
    }
}
