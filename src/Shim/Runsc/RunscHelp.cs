namespace Shim.Runsc;

/// <summary>Reads the flags in the help text of a command. A pure function.</summary>
/// <remarks>
/// Go's flag package writes <c>  -name type</c>, or <c>  -name</c> for a switch, and then a line with the meaning.
/// The help of runsc's <c>wait</c> has the first flag directly after the usage, without a line break.
/// </remarks>
internal static class RunscHelp
{
    /// <summary>The flags by name, and whether each is a switch, which takes no value.</summary>
    public static IReadOnlyDictionary<string, bool> Flags(string help)
    {
        var flags = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (ReadOnlySpan<char> line in help.AsSpan().EnumerateLines())
        {
            int start = line.IndexOf("  -");
            if (start < 0 || (start > 0 && line[start - 1] != '>'))
                continue;
            ReadOnlySpan<char> flag = line[(start + "  -".Length)..].TrimEnd();
            int space = flag.IndexOf(' ');
            flags[(space < 0 ? flag : flag[..space]).ToString()] = space < 0;
        }
        return flags;
    }
}
