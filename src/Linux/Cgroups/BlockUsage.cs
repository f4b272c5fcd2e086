using System.Globalization;

namespace Linux;

/// <summary>What a group has read from and written to one disk.</summary>
/// <param name="Major">The disk's device number, first part.</param>
/// <param name="Minor">The disk's device number, second part.</param>
/// <param name="ReadBytes">Bytes read.</param>
/// <param name="WriteBytes">Bytes written.</param>
/// <param name="Reads">Number of reads.</param>
/// <param name="Writes">Number of writes.</param>
public sealed record BlockUsage(
    uint Major, uint Minor, ulong ReadBytes, ulong WriteBytes, ulong Reads, ulong Writes)
{
    /// <summary>Parses io.stat (cgroup-v2.rst): <c>8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6</c>.</summary>
    internal static IReadOnlyList<BlockUsage> ParseV2(ReadOnlySpan<char> text)
    {
        List<BlockUsage> all = [];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int end = line.IndexOf(' ');
            if (end < 0 || !TryDevice(line[..end], out uint major, out uint minor))
                continue;
            ReadOnlySpan<char> values = line[end..];
            all.Add(new BlockUsage(major, minor, Value(values, " rbytes="), Value(values, " wbytes="),
                Value(values, " rios="), Value(values, " wios=")));
        }
        return all;
    }

    /// <summary>Parses blkio.throttle.io_service_bytes and io_serviced (v1): lines <c>8:0 Read 4096</c>.</summary>
    internal static IReadOnlyList<BlockUsage> ParseV1(ReadOnlySpan<char> bytes, ReadOnlySpan<char> operations)
    {
        List<BlockUsage> all = [];
        AddV1(all, bytes, static (usage, isRead, value) =>
            isRead ? usage with { ReadBytes = value } : usage with { WriteBytes = value });
        AddV1(all, operations, static (usage, isRead, value) =>
            isRead ? usage with { Reads = value } : usage with { Writes = value });
        return all;
    }

    private static void AddV1(
        List<BlockUsage> all, ReadOnlySpan<char> text, Func<BlockUsage, bool, ulong, BlockUsage> with)
    {
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int first = line.IndexOf(' '), last = line.LastIndexOf(' ');
            if (first >= last || !TryDevice(line[..first], out uint major, out uint minor))
                continue;
            ReadOnlySpan<char> operation = line[(first + 1)..last];
            if (operation is not ("Read" or "Write")
                || !ulong.TryParse(line[(last + 1)..], CultureInfo.InvariantCulture, out ulong value))
                continue;
            int at = all.FindIndex(each => each.Major == major && each.Minor == minor);
            if (at < 0)
            {
                at = all.Count;
                all.Add(new BlockUsage(major, minor, 0, 0, 0, 0));
            }
            all[at] = with(all[at], operation is "Read", value);
        }
    }

    private static bool TryDevice(ReadOnlySpan<char> text, out uint major, out uint minor)
    {
        minor = 0;
        int colon = text.IndexOf(':');
        return uint.TryParse(text[..Math.Max(colon, 0)], CultureInfo.InvariantCulture, out major)
            && uint.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out minor);
    }

    private static ulong Value(ReadOnlySpan<char> values, string name)
    {
        int start = values.IndexOf(name);
        if (start < 0)
            return 0;
        ReadOnlySpan<char> rest = values[(start + name.Length)..];
        int end = rest.IndexOf(' ');
        return ulong.TryParse(end < 0 ? rest : rest[..end], CultureInfo.InvariantCulture, out ulong value) ? value : 0;
    }
}
