namespace Testing;

/// <summary>
/// The network of a daemon's pods: a bridge of its own that leads nowhere, with addresses handed out from a private
/// file, so that neither routes nor packet filters of the machine change.
/// </summary>
internal static class PodNetwork
{
    private const string SharedState = "/var/lib/cni/results";

    public static string ConfigurationDirectory(Daemon daemon) => Path.Combine(daemon.Directory, "cni/net.d");

    public static async Task WriteAsync(Daemon daemon)
    {
        Directory.CreateDirectory(ConfigurationDirectory(daemon));
        await File.WriteAllTextAsync(Path.Combine(ConfigurationDirectory(daemon), "10-bridge.conflist"), $$"""
            {
              "cniVersion": "1.0.0",
              "name": "{{NameOf(daemon)}}",
              "plugins": [{
                "type": "bridge",
                "bridge": "{{Bridge(daemon)}}",
                "ipam": {
                  "type": "host-local",
                  "dataDir": "{{AddressesOf(daemon)}}",
                  "ranges": [[{ "subnet": "10.213.0.0/16" }]]
                }
              }]
            }
            """);
    }

    /// <summary>
    /// The bridge's directory in sysfs; it is there from the first pod until <see cref="RemoveAsync"/>.
    /// </summary>
    public static string InterfaceOf(Daemon daemon) => $"/sys/class/net/{Bridge(daemon)}";

    /// <summary>
    /// What the plugins remember of this daemon's pods: a file for each address, and one for each interface.
    /// </summary>
    public static IEnumerable<string> StateOf(Daemon daemon)
    {
        string addresses = Path.Combine(AddressesOf(daemon), NameOf(daemon));
        if (Directory.Exists(addresses))
            foreach (string path in Directory.EnumerateFiles(addresses, "10.*"))
                yield return path;
        if (!Directory.Exists(SharedState))
            yield break;
        // The loopback's are named by the sandbox's id alone: cni-loopback-ID-lo.
        foreach (string path in Directory.EnumerateFiles(SharedState))
            if (path.Contains(NameOf(daemon), StringComparison.Ordinal)
                || daemon.Containers.Any(container => path.Contains($"-{container.Id}-", StringComparison.Ordinal)))
                yield return path;
    }

    /// <summary>Removes the bridge, which the plugin makes for the first pod and never removes.</summary>
    public static async Task RemoveAsync(Daemon daemon)
    {
        if (!Directory.Exists(InterfaceOf(daemon)))
            return;
        var libraries = new Dictionary<string, string>
        {
            ["LD_LIBRARY_PATH"] = string.Join(':', Libraries("lib"), Libraries("usr/lib")),
        };
        (await Command.RunAsync(Path.Combine(Tools.Directory, "network/sbin/ip"), ["link", "delete", Bridge(daemon)],
            environment: libraries)).Succeeded();
    }

    /// <summary>Its name in the plugins' state, which all daemons of the machine share.</summary>
    private static string NameOf(Daemon daemon) => $"shim-test-{daemon.Suffix}";

    private static string AddressesOf(Daemon daemon) => Path.Combine(daemon.Directory, "cni/ipam");

    /// <summary>An interface's name has at most 15 characters.</summary>
    private static string Bridge(Daemon daemon) => $"shim-{daemon.Suffix}";

    private static string Libraries(string directory) =>
        Path.Combine(Tools.Directory, "network", directory, "x86_64-linux-gnu");
}
