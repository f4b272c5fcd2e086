using System.Text;
using Linux;

namespace Shim.Commands;

/// <summary>What a command reads and prints.</summary>
internal static class StandardStreams
{
    private const int InputLimit = 4 << 20;
    private static readonly TimeSpan s_inputBound = TimeSpan.FromSeconds(2);

    /// <summary>All of standard input.</summary>
    /// <remarks>
    /// containerd writes it at once and closes it, or gives /dev/null. Whoever keeps a pipe open and silent for 2 s has
    /// nothing to say.
    /// </remarks>
    public static byte[] ReadInput() => StandardIo.ReadInput(InputLimit, s_inputBound);

    /// <summary>Prints a line.</summary>
    public static void WriteLine(string text) => StandardIo.Write(Encoding.UTF8.GetBytes(text + "\n"));

    /// <summary>Prints a line on standard error.</summary>
    public static void WriteErrorLine(string text) => StandardIo.WriteError(Encoding.UTF8.GetBytes(text + "\n"));
}
