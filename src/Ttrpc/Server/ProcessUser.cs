using System.Globalization;

namespace Ttrpc;

/// <summary>The user that this process runs as, without a P/Invoke: they live elsewhere.</summary>
internal static class ProcessUser
{
    /// <summary>The effective user, second of the four numbers behind <c>Uid:</c>, see proc_pid_status(5).</summary>
    /// <exception cref="IOException">/proc cannot be read or has no such line.</exception>
    public static uint EffectiveUid()
    {
        const string StatusPath = "/proc/self/status";
        foreach (string line in File.ReadLines(StatusPath))
        {
            if (!line.StartsWith("Uid:", StringComparison.Ordinal))
                continue;
            string[] numbers = line.Split('\t');
            return uint.Parse(numbers[2], CultureInfo.InvariantCulture);
        }

        throw new IOException($"{StatusPath} has no line Uid:");
    }
}
