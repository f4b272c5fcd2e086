namespace Testing;

/// <summary>The files that a user would write: containerd's, the shim's and the network's.</summary>
internal static class DaemonConfiguration
{
    public static async Task WriteAsync(
        Daemon daemon, string shimLines, string runscLines, string runsc, string containerdLines)
    {
        await File.WriteAllTextAsync(Path.Combine(daemon.Directory, "config.toml"),
            $"{Containerd(daemon)}\n{containerdLines}\n");
        await File.WriteAllTextAsync(daemon.ShimConfiguration, Shim(daemon, "none", shimLines, runscLines, runsc));
        await File.WriteAllTextAsync(daemon.HostNetworkShimConfiguration,
            Shim(daemon, "host", shimLines, runscLines, runsc));
        await PodNetwork.WriteAsync(daemon);
    }

    // 2.1 warns of the old key, and `ctr` shows every user the warning.
    private static string BinDir => $"bin_dir = \"{Tools.CniDirectory}\"";
    private static string BinDirs => $"bin_dirs = [\"{Tools.CniDirectory}\"]";

    private static string SandboxImage => $"sandbox_image = \"{Tools.PauseImageName}\"";

    private static string Shim(Daemon daemon, string network, string shimLines, string runscLines, string runsc) => $"""
        binary_name = "{runsc}"
        root = "{daemon.RunscRoot}"
        kubelet_root = "{daemon.Directory}/kubelet"
        {shimLines}
        [runsc_config]
          network = "{network}"
          {runscLines}
        """;

    private static string Containerd(Daemon daemon)
    {
        string common = $"""
            root = "{daemon.Directory}/root"
            state = "{daemon.Directory}/state"
            [grpc]
              address = "{daemon.Socket}"
            [ttrpc]
              address = "{daemon.Socket}.ttrpc"
            [debug]
              level = "debug"
            """;
        ContainerdRelease release = ContainerdRelease.Of(daemon.Version);
        return release.IsAtLeast(2, 0) ? $"""
            version = 3
            {common}
            [plugins.'io.containerd.cri.v1.images'.pinned_images]
              sandbox = "{Tools.PauseImageName}"
            {Runtime(daemon, "plugins.'io.containerd.cri.v1.runtime'", "", release.IsAtLeast(2, 1) ? BinDirs : BinDir)}
            """ : $"""
            version = 2
            {common}
            {Runtime(daemon, "plugins.'io.containerd.grpc.v1.cri'", SandboxImage, BinDir)}
            """;
    }

    /// <summary>
    /// What is the same in all versions but for the name of the plugin that it belongs to. The test machine may forbid
    /// a negative oom_score_adj; network namespaces are kept below the daemon's directory; containerd 1.x refuses a
    /// configuration that names runtimes and not the default one.
    /// </summary>
    private static string Runtime(Daemon daemon, string plugin, string lines, string networkPlugins) => $"""
        [{plugin}]
          restrict_oom_score_adj = true
          netns_mounts_under_state_dir = true
          {lines}
        [{plugin}.cni]
          {networkPlugins}
          conf_dir = "{PodNetwork.ConfigurationDirectory(daemon)}"
        [{plugin}.containerd.runtimes.runc]
          runtime_type = "io.containerd.runc.v2"
        {Handler(plugin, Kubelet.Handler, daemon.ShimConfiguration)}
        {Handler(plugin, Kubelet.HostNetworkHandler, daemon.HostNetworkShimConfiguration)}
        """;

    private static string Handler(string plugin, string name, string configuration) => $"""
        [{plugin}.containerd.runtimes.{name}]
          runtime_type = "io.containerd.runsc.v1"
          pod_annotations = ["dev.gvisor.*"]
          [{plugin}.containerd.runtimes.{name}.options]
            TypeUrl = "io.containerd.runsc.v1.options"
            ConfigPath = "{configuration}"
        """;
}
