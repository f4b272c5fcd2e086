namespace Shim.Commands;

/// <summary><c>features</c>: prints the OCI features as JSON. CRI-O asks every runtime when it starts.</summary>
internal static class FeaturesCommand
{
    /// <summary>
    /// The OCI features of runsc that containerd and CRI-O read: containerd passes id-mapped and recursive mount
    /// options only to runtimes that list them. runsc's own list is newer than the runsc of most nodes, so this one is
    /// fixed: what every runsc since 2024 supports.
    /// </summary>
    public const string Features =
        """
        {"ociVersionMin":"1.0.0","ociVersionMax":"1.1.0",
        "hooks":["prestart","createRuntime","createContainer","startContainer","poststart","poststop"],
        "mountOptions":["async","atime","bind","defaults","dev","diratime","dirsync","exec","noatime","nodev",
        "nodiratime","noexec","norelatime","nosuid","private","rbind","relatime","remount","ro","rprivate",
        "rslave","rw","slave","strictatime","suid","sync"],
        "linux":{"namespaces":["cgroup","ipc","mount","network","pid","user","uts"],
        "cgroup":{"v1":true,"v2":true,"systemd":true},"seccomp":{"enabled":true}}}
        """;

    public static int Run()
    {
        StandardStreams.WriteLine(Features);
        return 0;
    }
}
