using System.Text;
using Shim.Io;
using Shim.Runsc;

namespace Fuzz;

/// <summary>runsc's log and messages, and the URIs of standard streams.</summary>
internal static class RunscTarget
{
    public static void Run(byte[] input)
    {
        Target.Require(RunscLog.Failure("create", 128, input, []).Message.Length < 4096, "an error is not long");
        Target.Require(RunscLog.Failure("kill", 128, [], input).Message.Length < 4096, "an error is not long");
        string text = Encoding.UTF8.GetString(input);
        _ = RunscVersion.Parse(text);
        try
        {
            StdioUri uri = StdioUri.Parse(text);
            Target.Require(uri.Kind == StdioKind.Null || uri.Path.StartsWith('/'), "a path is absolute");
            Target.Require(!uri.Path.Contains('\0'), "a path has no NUL");
            Target.Require(uri.Arguments.Count % 2 == 0, "arguments are pairs");
        }
        catch (FormatException)
        {
        }
    }
}
