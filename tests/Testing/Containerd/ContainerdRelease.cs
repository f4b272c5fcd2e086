using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Testing;

/// <summary>The release of a containerd, as it names it itself.</summary>
public readonly partial record struct ContainerdRelease(int Major, int Minor)
{
    private static readonly ConcurrentDictionary<string, ContainerdRelease> s_releases = new();

    /// <summary>Asks the program once.</summary>
    /// <param name="version">One of <see cref="Tools.ContainerdVersions"/>.</param>
    public static ContainerdRelease Of(string version) => s_releases.GetOrAdd(version, static version =>
        Parse(Command.RunAsync(Tools.Containerd(version), ["--version"]).GetAwaiter().GetResult().Succeeded()));

    /// <summary>Whether it is this release or a later one.</summary>
    public bool IsAtLeast(int major, int minor) => (Major, Minor).CompareTo((major, minor)) >= 0;

    /// <summary>"containerd github.com/containerd/containerd/v2 v2.1.9 …", with or without the v.</summary>
    private static ContainerdRelease Parse(string text)
    {
        Match match = Pattern().Match(text);
        return match.Success
            ? new ContainerdRelease(
                int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture))
            : throw new FormatException($"containerd --version printed {text}");
    }

    [GeneratedRegex(@" v?([0-9]+)\.([0-9]+)[.+~-]")]
    private static partial Regex Pattern();
}
