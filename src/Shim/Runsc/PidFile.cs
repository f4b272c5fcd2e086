using System.Globalization;

namespace Shim.Runsc;

/// <summary>Files to which runsc writes a process id.</summary>
internal static class PidFile
{
    /// <summary>Reads one; 0 if it is missing or not written yet.</summary>
    /// <exception cref="RunscException">It holds no process id.</exception>
    public static int TryRead(string path) => new FileInfo(path) is { Exists: true, Length: > 0 } ? Read(path) : 0;

    /// <summary>Reads one.</summary>
    /// <exception cref="RunscException">It is missing or holds no process id.</exception>
    public static int Read(string path)
    {
        try
        {
            ReadOnlySpan<char> text = File.ReadAllText(path).AsSpan().Trim();
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) && pid > 0)
                return pid;
            throw new RunscException(RunscFailure.Failed, $"runsc wrote no process id to {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunscException(RunscFailure.Failed, $"runsc wrote no process id to {path}: {e.Message}", e);
        }
    }
}
