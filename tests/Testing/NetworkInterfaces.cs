namespace Testing;

/// <summary>The names of network interfaces, on the node and in containers.</summary>
public static class NetworkInterfaces
{
    /// <summary>Those of this network namespace.</summary>
    public static IReadOnlyList<string> OfNode =>
        [.. Directory.EnumerateDirectories("/sys/class/net").Select(static path => Path.GetFileName(path))];

    /// <summary>Those that a container lists.</summary>
    /// <param name="dev">Its /proc/net/dev: two lines of headings, then "NAME: NUMBERS" lines.</param>
    public static IReadOnlyList<string> Parse(string dev) =>
        [.. dev.TrimEnd().Split('\n').Skip(2).Select(static line => line.Split(':')[0].Trim())];
}
