using System.Globalization;

namespace Linux;

/// <summary>Parses cgroup files with a single value; for flat keyed ones see <see cref="Counters"/>.</summary>
internal static class CgroupText
{
    /// <summary>A number; <see cref="ulong.MaxValue"/> for <c>max</c> and for -1 in v1. Null for other texts.</summary>
    internal static ulong? Number(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        if (text is "max" or "-1")
            return ulong.MaxValue;
        return ulong.TryParse(text, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }
}
