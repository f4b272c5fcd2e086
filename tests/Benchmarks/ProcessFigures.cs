using System.Globalization;
using System.Runtime.InteropServices;

namespace Benchmarks;

/// <summary>What the kernel says of a process. Sizes are in KiB.</summary>
/// <param name="Resident">All that is mapped and in memory.</param>
/// <param name="Proportional">The same, with pages that n processes share counted as one nth.</param>
/// <param name="Private">What no other process shares.</param>
/// <param name="Anonymous">Not of a file: heaps, stacks, written data.</param>
/// <param name="Threads">How many.</param>
internal sealed partial record ProcessFigures(double Resident, double Proportional, double Private, double Anonymous,
    double Threads)
{
    public static ProcessFigures Of(int pid)
    {
        Dictionary<string, double> memory = Fields($"/proc/{pid}/smaps_rollup");
        return new ProcessFigures(
            memory["Rss"], memory["Pss"], memory["Private_Clean"] + memory["Private_Dirty"], memory["Anonymous"],
            Fields($"/proc/{pid}/status")["Threads"]);
    }

    /// <summary>Whether a process exists and has not ended: a zombie is not alive.</summary>
    public static bool IsAlive(int pid)
    {
        try
        {
            // Field 3, after the program's name in parentheses, which may hold a ')' too (proc_pid_stat(5)).
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>
    /// The processor time that the process, without its children, has used, in threads that have ended too.
    /// /proc/PID/stat would tell it in hundredths of a second, rounded down.
    /// </summary>
    public static TimeSpan ProcessorTime(int pid)
    {
        if (clock_getcpuclockid(pid, out int clock) != 0 || clock_gettime(clock, out TimeSpec time) != 0)
            throw new InvalidOperationException(
                $"no processor time of process {pid}; has it ended?");
        return TimeSpan.FromTicks((time.Seconds * TimeSpan.TicksPerSecond)
            + (time.Nanoseconds / TimeSpan.NanosecondsPerTick));
    }

    /// <summary>"Name:   value kB" lines; those of another form are left out.</summary>
    private static Dictionary<string, double> Fields(string path)
    {
        Dictionary<string, double> fields = [];
        foreach (string line in File.ReadLines(path))
            if (line.Split((char[])[':', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [var name, var value, ..]
                && double.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out double number))
                fields.TryAdd(name, number);
        return fields;
    }

    [LibraryImport("libc")]
    private static partial int clock_getcpuclockid(int pid, out int clock);

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
