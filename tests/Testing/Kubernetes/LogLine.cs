using System.Globalization;

namespace Testing;

/// <summary>A line of a container's log in the CRI's format.</summary>
/// <param name="Time">When it was written.</param>
/// <param name="Output">"stdout" or "stderr".</param>
/// <param name="Full">False where the line goes on in the next.</param>
/// <param name="Text">Its text without the newline.</param>
public sealed record LogLine(DateTimeOffset Time, string Output, bool Full, string Text)
{
    /// <summary>"2026-01-02T15:04:05.123456789Z stdout F text".</summary>
    public static LogLine Parse(string line)
    {
        string[] parts = line.Split(' ', 4);
        Assert.True(parts.Length == 4 && parts[1] is "stdout" or "stderr" && parts[2] is "F" or "P",
            $"not a log line: {line}");
        return new LogLine(DateTimeOffset.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], parts[2] == "F",
            parts[3]);
    }
}
