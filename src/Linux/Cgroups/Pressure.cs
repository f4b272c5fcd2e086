using System.Globalization;

namespace Linux;

/// <summary>How much of the time the processes of a group had to wait for a resource (psi.rst).</summary>
/// <param name="Some">At least one of them waited.</param>
/// <param name="Full">All of them waited.</param>
public sealed record Pressure(PressureTimes Some, PressureTimes Full)
{
    /// <summary>Parses cpu.pressure, memory.pressure or io.pressure: lines
    /// <c>some avg10=0.00 avg60=0.00 avg300=0.00 total=0</c> and <c>full …</c>.</summary>
    /// <returns>Null without a text; a kernel may be started without psi.</returns>
    internal static Pressure? Parse(string? text)
    {
        if (text is null)
            return null;
        PressureTimes some = default, full = default;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
            if (line.StartsWith("some "))
                some = PressureTimes.Parse(line[5..]);
            else if (line.StartsWith("full "))
                full = PressureTimes.Parse(line[5..]);
        return new Pressure(some, full);
    }
}

/// <summary>The time that was waited.</summary>
/// <param name="Average10">Percent of the last 10 s.</param>
/// <param name="Average60">Percent of the last 60 s.</param>
/// <param name="Average300">Percent of the last 300 s.</param>
/// <param name="Total">All of it, in microseconds.</param>
public readonly record struct PressureTimes(double Average10, double Average60, double Average300, ulong Total)
{
    internal static PressureTimes Parse(ReadOnlySpan<char> values)
    {
        PressureTimes times = default;
        foreach (Range range in values.Split(' '))
        {
            ReadOnlySpan<char> each = values[range];
            int equals = each.IndexOf('=');
            if (equals < 0)
                continue;
            ReadOnlySpan<char> value = each[(equals + 1)..];
            times = each[..equals] switch
            {
                "avg10" => times with { Average10 = Percent(value) },
                "avg60" => times with { Average60 = Percent(value) },
                "avg300" => times with { Average300 = Percent(value) },
                "total" => times with { Total = CgroupText.Number(value) ?? 0 },
                _ => times,
            };
        }
        return times;
    }

    private static double Percent(ReadOnlySpan<char> text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out double value) ? value : 0;
}
