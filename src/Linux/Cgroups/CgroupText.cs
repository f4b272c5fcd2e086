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
}
