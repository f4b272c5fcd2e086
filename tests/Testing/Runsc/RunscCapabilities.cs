using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Testing;

/// <summary>
/// What the runsc of these tests can do. It is asked once, and tests of what it cannot do are skipped.
/// </summary>
public static partial class RunscCapabilities
{
    /// <summary>From this release on a sandbox is restored in which containers share a volume on disk.</summary>
    private const int RestoringSharedVolumes = 20260803;

    private static readonly Lazy<string> s_versionText = new(static () => Ask("--version").Succeeded().TrimEnd('\n'));
    private static readonly ConcurrentDictionary<string, string> s_help = new();
    private static readonly Lazy<Task<bool>> s_showsHostInterfaces = new(LookForHostInterfacesAsync);

    /// <summary>What <c>runsc --version</c> prints, without the last newline.</summary>
    public static string VersionText => s_versionText.Value;

    /// <summary>The version alone: "release-20260803.0", or Debian's "0.0~20240729.0".</summary>
    public static string Version => VersionLine().Match(VersionText).Groups[1].Value;

    /// <summary>Whether two containers that share a volume on disk can be restored.</summary>
    public static bool RestoresSharedDiskVolumes => Release >= RestoringSharedVolumes;

    /// <summary>Whether a container in the node's network finds the node's interfaces.</summary>
    public static Task<bool> ShowsHostInterfacesAsync() => s_showsHostInterfaces.Value;

    /// <summary>Whether <c>runsc COMMAND</c> has a flag; false also where there is no such command.</summary>
    public static bool HasFlag(string command, string flag) =>
        Regex.IsMatch(HelpOf(command), $"(?m)^ +--?{Regex.Escape(flag)}( |$)");

    /// <summary>Whether runsc has a command.</summary>
    public static bool HasCommand(string command) =>
        Regex.IsMatch(HelpOf(""), $@"(?m)^\s+{Regex.Escape(command)}\s");

    /// <summary>The date of the release: 20260803.</summary>
    private static int Release => int.Parse(Date().Match(Version).Value, CultureInfo.InvariantCulture);

    private static string HelpOf(string command) => s_help.GetOrAdd(command, static command =>
    {
        CommandResult help = command.Length == 0 ? Ask("help") : Ask("help", command);
        return help.Output + help.Error;
    });

    private static CommandResult Ask(params string[] arguments) =>
        Command.RunAsync(Tools.Runsc, arguments).GetAwaiter().GetResult();

    private static async Task<bool> LookForHostInterfacesAsync()
    {
        using TempDirectory directory = new("runsc-capabilities-");
        BusyboxBundle.Write(directory["bundle"], ["cat", "/proc/net/dev"], static spec =>
        {
            // No network namespace of its own.
            JsonArray namespaces = spec["linux"]!["namespaces"]!.AsArray();
            namespaces.Remove(namespaces.Single(static entry => (string?)entry!["type"] == "network"));
        });
        try
        {
            string devices = (await Command.RunAsync(Tools.Runsc,
                ["--root", directory["root"], "--network=host", "--ignore-cgroups", "run", "--bundle",
                    directory["bundle"],
                    "interfaces"])).Succeeded();
            return NetworkInterfaces.Parse(devices).Intersect(NetworkInterfaces.OfNode).Any(static name =>
                name != "lo");
        }
        finally
        {
            Linux.Mounts.UnmountAll(directory.Path);
        }
    }

    [GeneratedRegex("(?m)^runsc version (.+)$")]
    private static partial Regex VersionLine();

    [GeneratedRegex("[0-9]{8}")]
    private static partial Regex Date();
}
