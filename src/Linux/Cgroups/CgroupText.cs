using System.Globalization;

namespace Linux;

/// <summary>The forms of cgroup files other than flat keyed ones (see <see cref="Counters"/>).</summary>
internal static class CgroupText
{
    /// <summary>A single number; `max` is <see cref="ulong.MaxValue"/>, and v1's -1 too.</summary>
    internal static ulong? Number(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        if (text is "max" or "-1")
            return ulong.MaxValue;
        return ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }

    /// <summary>Numbers with blanks between them.</summary>
    internal static ulong[] Numbers(ReadOnlySpan<char> text)
    {
        List<ulong> numbers = [];
        foreach (Range range in text.Split(' '))
        {
            if (ulong.TryParse(text[range].Trim(), CultureInfo.InvariantCulture, out ulong value))
                numbers.Add(value);
        }
        return [.. numbers];
    }

    /// <summary>Lines of a v1 blkio file: `8:0 Read 4096`, or `8:0 4096`; the line `Total 4096` is left out.</summary>
    internal static List<BlockIoEntry> BlockIoV1(ReadOnlySpan<char> text)
    {
        List<BlockIoEntry> entries = [];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int space = line.IndexOf(' ');
            if (space < 0 || !TryDevice(line[..space], out uint major, out uint minor))
                continue;
            ReadOnlySpan<char> rest = line[(space + 1)..];
            int last = rest.LastIndexOf(' ');
            if (ulong.TryParse(rest[(last + 1)..], CultureInfo.InvariantCulture, out ulong value))
                entries.Add(new BlockIoEntry(major, minor, last < 0 ? "" : rest[..last].ToString(), value));
        }
        return entries;
    }

    /// <summary>Lines of v2's io.stat: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`.</summary>
    internal static List<IoStat> IoV2(ReadOnlySpan<char> text)
    {
        List<IoStat> entries = [];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int space = line.IndexOf(' ');
            if (space < 0 || !TryDevice(line[..space], out uint major, out uint minor))
                continue;
            IoStat entry = new() { Major = major, Minor = minor };
            ReadOnlySpan<char> rest = line[(space + 1)..];
            foreach (Range range in rest.Split(' '))
            {
                ReadOnlySpan<char> pair = rest[range];
                int equals = pair.IndexOf('=');
                if (equals < 0 || !ulong.TryParse(pair[(equals + 1)..], CultureInfo.InvariantCulture, out ulong value))
                    continue;
                entry = pair[..equals] switch
                {
                    "rbytes" => entry with { ReadBytes = value },
                    "wbytes" => entry with { WrittenBytes = value },
                    "rios" => entry with { Reads = value },
                    "wios" => entry with { Writes = value },
                    _ => entry,
                };
            }
            entries.Add(entry);
        }
        return entries;
    }

    private static bool TryDevice(ReadOnlySpan<char> text, out uint major, out uint minor)
    {
        major = minor = 0;
        int colon = text.IndexOf(':');
        return colon > 0 && uint.TryParse(text[..colon], CultureInfo.InvariantCulture, out major)
            && uint.TryParse(text[(colon + 1)..], CultureInfo.InvariantCulture, out minor);
    }
}
