using System.Globalization;

namespace Benchmarks;

/// <summary>What the kernel says of a process. Sizes are in KiB.</summary>
/// <param name="Resident">All that is mapped and in memory.</param>
/// <param name="Proportional">The same, with what n processes share counted as its n-th part.</param>
/// <param name="Private">What no other process shares.</param>
/// <param name="Anonymous">What is no file's: heaps, stacks, written data.</param>
/// <param name="Threads">How many.</param>
internal sealed record ProcessFigures(double Resident, double Proportional, double Private, double Anonymous, double Threads)
{
    /// <summary>USER_HZ: what /proc counts in on every architecture of Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    public static ProcessFigures Of(int pid)
    {
        Dictionary<string, double> memory = Fields($"/proc/{pid}/smaps_rollup");
        return new ProcessFigures(
            memory["Rss"], memory["Pss"], memory["Private_Clean"] + memory["Private_Dirty"], memory["Anonymous"],
            Fields($"/proc/{pid}/status")["Threads"]);
    }

    /// <summary>The processor time that the process, without its children, has used: in user mode and in the kernel.</summary>
    public static TimeSpan ProcessorTime(int pid)
    {
        // pid (name) state ppid …: the name may hold anything, so fields count from its last parenthesis on.
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        const int User = 14 - 3, Kernel = 15 - 3; // proc_pid_stat(5) numbers from 1, and the state is 3
        double ticks = double.Parse(fields[User], CultureInfo.InvariantCulture)
            + double.Parse(fields[Kernel], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds(ticks / TicksPerSecond);
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
}
