using System.Globalization;

namespace Linux;

/// <summary>How likely the kernel's OOM killer is to choose a process: -1000 (never) to 1000
/// (proc_pid_oom_score_adj(5)). A score below the lowest one that a privileged process has set for it needs
/// CAP_SYS_RESOURCE.</summary>
public static class OomScore
{
    private const int Max = 1000;

    /// <summary>Sets the score of a process. If that is refused, sets one above its parent's, so that it is killed
    /// before its parent and after everything else. If that is refused too, the score stays as it is.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="score">The score.</param>
    /// <exception cref="LinuxException">ENOENT: no such process.</exception>
    public static void Lower(int pid, int score)
    {
        if (TrySet(pid, score))
            return;
        // The parent may be hidden from us (pid 0 if it is outside of our namespace, hidepid).
        if (ProcFs.ParentPid(pid) is { } parent && SmallFile.TryReadText(FileOf(parent)) is { } text)
            TrySet(pid, Math.Min(Parse(text) + 1, Max));
    }

    /// <summary>This process's score.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static int Own => Parse(SmallFile.ReadText(FileOf(Environment.ProcessId)));

    /// <summary>
    /// Starts a process that inherits another score than ours: for that moment it is ours. It cannot be set in the new
    /// process before that runs, and later it would have children that have inherited ours. A score that is refused is
    /// not set.
    /// </summary>
    /// <param name="score">The score.</param>
    /// <param name="start">Starts the process.</param>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    internal static int WhileOwn(int score, Func<int> start)
    {
        int self = Environment.ProcessId, own = Own;
        if (own == score || !TrySet(self, score))
            return start();
        try
        {
            return start();
        }
        finally
        {
            TrySet(self, own);
        }
    }

    private static bool TrySet(int pid, int score)
    {
        try
        {
            SmallFile.WriteText(FileOf(pid), score.ToString(CultureInfo.InvariantCulture));
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EACCES or Errno.EPERM or Errno.EINVAL or Errno.EROFS)
        {
            return false;
        }
    }

    private static int Parse(string text) => int.Parse(text.AsSpan().Trim(), CultureInfo.InvariantCulture);

    private static string FileOf(int pid) => $"/proc/{pid}/oom_score_adj";
}
