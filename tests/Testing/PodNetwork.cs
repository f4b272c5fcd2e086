namespace Testing;

/// <summary>
/// The network of a daemon's pods: a bridge of its own that leads nowhere, with addresses handed out from a private file,
/// so that neither routes nor packet filters of the machine change.
/// </summary>
internal static class PodNetwork
{
    /// <summary>Its name in the plugins' state.</summary>
    public const string Name = "shim-test";

    public static string ConfigurationDirectory(Daemon daemon) => Path.Combine(daemon.Directory, "cni/net.d");

    public static async Task WriteAsync(Daemon daemon)
    {
        Directory.CreateDirectory(ConfigurationDirectory(daemon));
        await File.WriteAllTextAsync(Path.Combine(ConfigurationDirectory(daemon), "10-bridge.conflist"), $$"""
            {
              "cniVersion": "1.0.0",
              "name": "{{Name}}",
              "plugins": [{
                "type": "bridge",
                "bridge": "{{Bridge(daemon)}}",
                "ipam": {
                  "type": "host-local",
                  "dataDir": "{{daemon.Directory}}/cni/ipam",
                  "ranges": [[{ "subnet": "10.213.0.0/16" }]]
                }
              }]
            }
            """);
    }

    /// <summary>Removes the bridge, which the plugin makes for the first pod and never removes.</summary>
    public static async Task RemoveAsync(Daemon daemon)
    {
        if (!Directory.Exists($"/sys/class/net/{Bridge(daemon)}"))
            return;
        var libraries = new Dictionary<string, string>
        {
            ["LD_LIBRARY_PATH"] = string.Join(':', Libraries("lib"), Libraries("usr/lib")),
        };
        (await Command.RunAsync(Path.Combine(Tools.Directory, "network/sbin/ip"), ["link", "delete", Bridge(daemon)],
            environment: libraries)).Succeeded();
    }

    /// <summary>An interface's name has at most 15 characters; the last 6 of the directory's are random.</summary>
    private static string Bridge(Daemon daemon) => $"shim-{daemon.Directory[^6..]}";

    private static string Libraries(string directory) => Path.Combine(Tools.Directory, "network", directory, "x86_64-linux-gnu");
}
