using System.Globalization;

namespace Linux;

/// <summary>How willingly the kernel's OOM killer takes a process: -1000 (never) to 1000 (proc_pid_oom_score_adj(5)).
/// Going below the lowest score that a privileged process ever set for it needs CAP_SYS_RESOURCE.</summary>
public static class OomScore
{
    private const int Max = 1000;

    /// <summary>Gives a process a low score, or, where that is refused, one above its parent's, so that it goes
    /// before its parent and after everything else. Refusal is no error.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="score">The wish.</param>
    /// <exception cref="LinuxException">There is no such process.</exception>
    public static void Lower(int pid, int score)
    {
        if (TrySet(pid, score))
            return;
        // The parent may be hidden from us (pid 0 outside of our namespace, hidepid).
        if (ProcFs.ParentPid(pid) is { } parent && SmallFile.TryReadText(FileOf(parent)) is { } text)
            TrySet(pid, Math.Min(Parse(text) + 1, Max));
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
