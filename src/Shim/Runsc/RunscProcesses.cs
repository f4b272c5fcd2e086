using Linux;

namespace Shim.Runsc;

/// <summary>
/// The processes that work for one container: runsc's commands, its gofer, and its sandbox if it is the sandbox's
/// first. All have the container's log on their command lines, also those of a command that was killed halfway and has
/// recorded nothing.
/// </summary>
internal static class RunscProcesses
{
    /// <summary>Whether a process works for the container whose log this is.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="log">The path of the log of runsc's commands for the container.</param>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static bool IsOf(int pid, string log) => IsOf(ProcFs.CommandLine(pid), log);

    /// <summary>Whether a process with this command line works for the container whose log this is.</summary>
    /// <param name="commandLine">Its parts, separated by NUL.</param>
    /// <param name="log">The path of the log of runsc's commands for the container.</param>
    public static bool IsOf(ReadOnlySpan<char> commandLine, string log)
    {
        const string Flag = "--log=";
        foreach (Range range in commandLine.Split('\0'))
            if (commandLine[range] is var part && part.StartsWith(Flag) && part[Flag.Length..].SequenceEqual(log))
                return true;
        return false;
    }

    /// <summary>
    /// Whether a process has no command line for the moment, so that nobody can tell for whom it works: it is beginning
    /// another program, or it was killed, and what it has started is not ours yet.
    /// </summary>
    /// <param name="pid">The process.</param>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static bool IsHidden(int pid) => ProcFs.CommandLine(pid).Length == 0;
}
