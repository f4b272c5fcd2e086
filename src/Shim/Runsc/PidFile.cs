using System.Globalization;

namespace Shim.Runsc;

/// <summary>Files in which runsc leaves a process id.</summary>
internal static class PidFile
{
    /// <summary>Reads one.</summary>
    /// <exception cref="RunscException">It is missing or holds no process id.</exception>
    public static int Read(string path)
    {
        try
        {
            if (int.TryParse(File.ReadAllText(path).AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
                && pid > 0)
                return pid;
            throw new RunscException(RunscFailure.Failed, $"runsc left no process id in {path}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunscException(RunscFailure.Failed, $"runsc left no process id in {path}: {e.Message}", e);
        }
    }
}
