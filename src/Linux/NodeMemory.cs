namespace Linux;

/// <summary>The memory of the node.</summary>
public static class NodeMemory
{
    private const ulong BytesPerKiB = 1024;

    private static ulong s_total;

    /// <summary>All of it that the kernel can use, in bytes.</summary>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static ulong Total => s_total != 0 ? s_total : s_total = Parse(SmallFile.ReadText("/proc/meminfo"));

    /// <summary>Parses the text of /proc/meminfo: <c>MemTotal:       24625316 kB</c>.</summary>
    internal static ulong Parse(ReadOnlySpan<char> text)
    {
        const string Name = "MemTotal:", Unit = "kB";
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
            if (line.StartsWith(Name) && line.EndsWith(Unit))
                return CgroupText.Number(line[Name.Length..^Unit.Length]) * BytesPerKiB ?? ulong.MaxValue;
        return ulong.MaxValue;
    }
}
