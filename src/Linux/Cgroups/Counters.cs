using System.Globalization;

namespace Linux;

/// <summary>
/// A file of lines <c>name value</c>, such as memory.stat, cpu.stat or memory.events, by the kernel's own names
/// (cgroup-v2.rst calls such files flat keyed). A name that this kernel does not have reads as 0.
/// </summary>
public sealed class Counters
{
    private readonly Dictionary<string, ulong> _values;

    /// <summary>No counters: all are 0.</summary>
    public static Counters None { get; } = new([]);

    private Counters(Dictionary<string, ulong> values) => _values = values;

    /// <summary>The value of a counter, 0 if it is missing.</summary>
    public ulong this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Parses a file's text; lines of another form are skipped.</summary>
    public static Counters Parse(ReadOnlySpan<char> text)
    {
        Dictionary<string, ulong> values = [];
        foreach (ReadOnlySpan<char> line in text.EnumerateLines())
        {
            int space = line.IndexOf(' ');
            if (space > 0 && ulong.TryParse(line[(space + 1)..], CultureInfo.InvariantCulture, out ulong value))
                values[line[..space].ToString()] = value;
        }
        return new Counters(values);
    }
}
