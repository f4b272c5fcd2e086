using System.Text;
using Linux;

namespace Shim.Runsc;

/// <summary>Reads the version of a runsc.</summary>
internal static class RunscVersion
{
    private const int OutputLimit = 4096;
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);

    /// <summary>The first line of <c>runsc --version</c>, without "runsc version". Blocks.</summary>
    /// <exception cref="RunscException">It cannot be started, or did not print its version in time.</exception>
    public static string Read(string binary)
    {
        using Descriptor output = MemoryFile.Create("runsc-stdout");
        ProcessExit exit;
        try
        {
            exit = ShortCommand.Run(RunscProcess.Request([binary, "--version"], [null, output, null]), s_bound);
        }
        catch (LinuxException e)
        {
            throw new RunscException(RunscFailure.NotRunnable, $"cannot start: {e.Message}", e);
        }
        string version = Parse(Lines(MemoryFile.Read(output, OutputLimit)));
        if (exit.ExitCode != 0 || version.Length == 0)
            throw new RunscException(RunscFailure.Failed, $"--version failed with exit status {exit.ExitCode}");
        return version;
    }

    /// <summary>The lines of <c>runsc --version</c>: its version, and that of the OCI specification.</summary>
    public static string Lines(ReadOnlyMemory<byte> output) =>
        Encoding.UTF8.GetString(RunscOutput.From(output, "runsc version "u8).Span).Trim();

    /// <summary>The version in these lines: the first one, without "runsc version".</summary>
    public static string Parse(string text)
    {
        const string Prefix = "runsc version ";
        string line = text.Split('\n')[0].Trim();
        return line.StartsWith(Prefix, StringComparison.Ordinal) ? line[Prefix.Length..] : line;
    }
}
