using System.Text;
using Linux;

namespace Shim.Commands;

/// <summary>The standard streams of a command.</summary>
internal static class StandardStreams
{
    private const int InputLimit = 4 << 20;
    private static readonly TimeSpan s_inputBound = TimeSpan.FromSeconds(2);

    /// <summary>All of standard input.</summary>
    /// <remarks>
    /// containerd writes it at once and closes it, or passes /dev/null. A pipe that stays open and silent for 2 s is
    /// treated as ended.
    /// </remarks>
    public static byte[] ReadInput() => StandardIo.ReadInput(InputLimit, s_inputBound);

    /// <summary>Prints a line.</summary>
    public static void WriteLine(string text) => StandardIo.Write(Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>Prints a line on standard error.</summary>
    public static void WriteErrorLine(string text) => StandardIo.WriteError(Encoding.UTF8.GetBytes(text + "\n"));
}
