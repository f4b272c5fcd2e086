using System.Globalization;

namespace Testing;

/// <summary>What the kernel says of a process under <c>/proc/PID</c>.</summary>
public static class ProcessFacts
{
    /// <summary>A number of <c>status</c>; sizes are in KiB.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="field">The field's name: "RssAnon".</param>
    public static long StatusNumber(int pid, string field) => long.Parse(
        File.ReadLines($"/proc/{pid}/status")
            .Single(line => line.StartsWith($"{field}:", StringComparison.Ordinal))
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    /// <summary>The memory in KiB that the process shares with no other, in files or out of them.</summary>
    public static long PrivateKilobytes(int pid) => File.ReadLines($"/proc/{pid}/smaps_rollup")
        .Where(static line => line.StartsWith("Private_", StringComparison.Ordinal))
        .Sum(static line => long.Parse(
            line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));

    /// <summary>The number of its open descriptors.</summary>
    public static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    /// <summary>The number of its open sockets.</summary>
    public static int Sockets(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd")
        .Count(static fd => new FileInfo(fd).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) ?? false);

    /// <summary>Its threads: id and name.</summary>
    public static IReadOnlyDictionary<int, string> Threads(int pid)
    {
        Dictionary<int, string> threads = [];
        foreach (string directory in Directory.GetDirectories($"/proc/{pid}/task"))
            try
            {
                threads.Add(int.Parse(Path.GetFileName(directory), CultureInfo.InvariantCulture),
                    File.ReadAllText(Path.Combine(directory, "comm")).TrimEnd('\n'));
            }
            catch (IOException)
            {
                // It has ended since the directory was listed.
            }
        return threads;
    }
}
