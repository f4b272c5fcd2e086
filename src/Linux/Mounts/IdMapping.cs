using System.Globalization;

namespace Linux;

/// <summary>Which ids of a file system appear as which others: the mount options <c>uidmap=</c> and <c>gidmap=</c>.
/// </summary>
/// <param name="Uids">As in /proc/PID/uid_map (user_namespaces(7)).</param>
/// <param name="Gids">As in /proc/PID/gid_map.</param>
internal sealed record IdMapping(string Uids, string Gids)
{
    /// <summary>Parses the values of the options: lists of <c>INSIDE:OUTSIDE:COUNT</c>, joined by commas.</summary>
    /// <exception cref="LinuxException">EINVAL: one has another form.</exception>
    internal static IdMapping Parse(string uidmap, string gidmap) =>
        new(Lines("uidmap", uidmap), Lines("gidmap", gidmap));

    private static string Lines(string option, string value)
    {
        List<string> lines = [];
        foreach (string range in value.Split(','))
            if (range.Split(':') is [var inside, var outside, var count]
                && IsNumber(inside) && IsNumber(outside) && IsNumber(count))
                lines.Add($"{inside} {outside} {count}\n");
            else
                throw new LinuxException(Errno.EINVAL, "mount option", $"{option}={value}",
                    "not a list of INSIDE:OUTSIDE:COUNT");
        return string.Concat(lines);
    }

    private static bool IsNumber(string text) =>
        uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
