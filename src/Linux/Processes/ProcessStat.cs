using System.Globalization;

namespace Linux;

/// <summary>The fields of /proc/PID/stat that are used here (proc_pid_stat(5)).</summary>
/// <param name="State">Field 3: <c>R</c>, <c>S</c>, <c>T</c>, <c>Z</c> and so on.</param>
/// <param name="ParentPid">Field 4.</param>
/// <param name="StartTime">Field 22, in clock ticks since boot. Together with the pid it identifies a process for
/// ever.</param>
internal readonly record struct ProcessStat(char State, int ParentPid, ulong StartTime)
{
    /// <summary>Whether the process has ended and was not reaped yet.</summary>
    internal bool IsZombie => State is 'Z' or 'X';

    /// <summary>Parses the text of a stat file.</summary>
    /// <returns>False if the text has another form.</returns>
    internal static bool TryParse(ReadOnlySpan<char> text, out ProcessStat stat)
    {
        stat = default;
        // Field 2, the program's name in parentheses, may contain anything, even a ')': it ends at the last one.
        int open = text.IndexOf('(');
        int close = text.LastIndexOf(')');
        if (open < 1 || close < open || !int.TryParse(text[..open].Trim(), out _))
            return false;
        char state = default;
        int parent = 0;
        int field = 2;
        ReadOnlySpan<char> rest = text[(close + 1)..];
        foreach (Range range in rest.Split(' '))
        {
            ReadOnlySpan<char> value = rest[range].Trim();
            if (value.IsEmpty)
                continue;
            switch (++field)
            {
                case 3:
                    state = value[0];
                    break;
                case 4 when !int.TryParse(value, CultureInfo.InvariantCulture, out parent):
                    return false;
                case 22:
                    if (!ulong.TryParse(value, CultureInfo.InvariantCulture, out ulong start))
                        return false;
                    stat = new ProcessStat(state, parent, start);
                    return true;
            }
        }
        return false;
    }
}
