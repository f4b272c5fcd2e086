using System.Globalization;

namespace Ttrpc;

/// <summary>The user that this process runs as, read from /proc because this library has no P/Invoke.</summary>
internal static class ProcessUser
{
    /// <summary>The effective user id: second of the four numbers after <c>Uid:</c>, see proc_pid_status(5).</summary>
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

        throw new IOException($"cannot read the effective user id from {StatusPath}: no Uid line");
    }
}
