using System.Text.Json.Nodes;

namespace Testing;

/// <summary>OCI bundles with busybox as their root file system.</summary>
public static class BusyboxBundle
{
    private static readonly string[] s_applets =
        ["sh", "sleep", "echo", "true", "cat", "dd", "tail", "head", "touch"];

    /// <summary>Writes one, over an earlier one if there is one.</summary>
    /// <param name="path">The bundle.</param>
    /// <param name="command">What its container runs.</param>
    /// <param name="change">Changes the specification.</param>
    public static void Write(string path, string[] command, Action<JsonObject>? change = null)
    {
        string bin = Directory.CreateDirectory(Path.Combine(path, "rootfs/bin")).FullName;
        File.Copy(Path.Combine(Tools.Directory, "busybox/bin/busybox"), Path.Combine(bin, "busybox"), overwrite: true);
        foreach (string applet in s_applets)
            if (!File.Exists(Path.Combine(bin, applet)))
                File.CreateSymbolicLink(Path.Combine(bin, applet), "busybox");
        foreach (string directory in (string[])["dev", "proc", "tmp"])
            Directory.CreateDirectory(Path.Combine(path, "rootfs", directory));
        var spec = new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = OciProcess.Of(command),
            ["root"] = new JsonObject { ["path"] = "rootfs" },
            ["mounts"] = new JsonArray(
                new JsonObject { ["destination"] = "/proc", ["type"] = "proc", ["source"] = "proc" },
                new JsonObject { ["destination"] = "/dev", ["type"] = "tmpfs", ["source"] = "tmpfs" }),
            ["linux"] = new JsonObject
            {
                ["namespaces"] = new JsonArray([.. ((string[])["pid", "ipc", "uts", "mount", "network"])
                    .Select(static type => new JsonObject { ["type"] = type })]),
            },
        };
        change?.Invoke(spec);
        File.WriteAllText(Path.Combine(path, "config.json"), spec.ToJsonString());
    }
}
