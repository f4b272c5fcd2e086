using System.Globalization;

namespace Testing;

/// <summary>Finds processes of this machine.</summary>
public static class Processes
{
    /// <summary>Those whose command line holds <paramref name="text"/>, this one left out, zombies too.</summary>
    public static IReadOnlyList<int> Mentioning(string text)
    {
        List<int> found = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
            if (int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture,
                out int pid)
                && pid != Environment.ProcessId && CommandLine(pid).Contains(text, StringComparison.Ordinal))
                found.Add(pid);
        return found;
    }

    /// <summary>Kills those whose command line holds <paramref name="text"/>.</summary>
    public static void Kill(string text)
    {
        // Looked at again: finding them takes a while on a busy machine, and another process may have the pid by then.
        foreach (int pid in Mentioning(text))
            if (CommandLine(pid).Contains(text, StringComparison.Ordinal))
                Linux.Signals.Send(pid, Linux.Signals.SIGKILL);
    }

    public static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended
        }
    }

    /// <summary>Whether a shim serves, and is not its <c>start</c> or <c>delete</c>.</summary>
    public static bool IsServing(int shim)
    {
        string line = CommandLine(shim).TrimEnd();
        return line.Length > 0 && !line.EndsWith(" start", StringComparison.Ordinal)
            && !line.EndsWith(" delete", StringComparison.Ordinal);
    }

    /// <summary>The shims of a daemon, those that serve and its <c>start</c>s and <c>delete</c>s.</summary>
    public static IReadOnlyList<int> Shims(Daemon daemon)
    {
        List<int> shims = [];
        foreach (int pid in Mentioning(daemon.Socket))
            if (CommandLine(pid).StartsWith(Tools.Shim, StringComparison.Ordinal))
                shims.Add(pid);
        return shims;
    }
}
