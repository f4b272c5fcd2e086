using System.Text.Json.Nodes;
using Testing;

namespace Benchmarks;

/// <summary>Bundles that runsc and runc both run, with busybox as their root file system.</summary>
internal static class BundleWriter
{
    public static string Write(string directory, string id, params string[] command)
    {
        string bundle = Path.Combine(directory, id);
        string bin = Directory.CreateDirectory(Path.Combine(bundle, "rootfs/bin")).FullName;
        File.Copy(Path.Combine(Tools.Directory, "busybox/bin/busybox"), Path.Combine(bin, "busybox"));
        foreach (string applet in (string[])["true", "sleep", "dd"])
            File.CreateSymbolicLink(Path.Combine(bin, applet), "busybox");
        foreach (string mountPoint in (string[])["proc", "dev"])
            Directory.CreateDirectory(Path.Combine(bundle, "rootfs", mountPoint));
        var spec = new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = Process(command),
            ["root"] = new JsonObject { ["path"] = "rootfs" },
            ["mounts"] = new JsonArray(Mount("/proc", "proc"), Mount("/dev", "tmpfs")),
            ["linux"] = new JsonObject
            {
                ["cgroupsPath"] = $"/{ContainerCgroups.Parent}/{id}",
                ["namespaces"] = new JsonArray(
                    [.. ((string[])["pid", "ipc", "uts", "mount", "network"]).Select(type => new JsonObject { ["type"] = type })]),
            },
        };
        File.WriteAllText(Path.Combine(bundle, "config.json"), spec.ToJsonString());
        return bundle;
    }

    /// <summary>An OCI process.</summary>
    public static JsonObject Process(params string[] command) => new()
    {
        ["user"] = new JsonObject { ["uid"] = 0, ["gid"] = 0 },
        ["args"] = new JsonArray([.. command.Select(part => (JsonNode)part)]),
        ["env"] = new JsonArray("PATH=/bin"),
        ["cwd"] = "/",
    };

    private static JsonObject Mount(string destination, string type) =>
        new() { ["destination"] = destination, ["type"] = type, ["source"] = type };
}
