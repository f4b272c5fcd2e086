using System.Globalization;
using Containerd.Grpc.Cri;
using Grpc.Core;
using Linux;

namespace Testing;

/// <summary>A pod of a <see cref="Kubelet"/>: what it has on the node, its sandbox and its containers.</summary>
public sealed class Pod : IAsyncDisposable
{
    private readonly Kubelet _kubelet;
    private readonly PodCgroup _cgroup;
    private readonly List<PodContainer> _containers = [];
    private bool _removed;

    internal Pod(Kubelet kubelet, PodSettings settings, string name)
    {
        _kubelet = kubelet;
        Settings = settings;
        Name = name;
        _cgroup = new PodCgroup(kubelet.Daemon, Uid);
        Config = MakeConfig();
    }

    public PodSettings Settings { get; }

    public string Name { get; }

    public string Uid { get; } = Guid.NewGuid().ToString();

    /// <summary>The id of the sandbox, once it has been run.</summary>
    public string Id { get; private set; } = "";

    /// <summary>What the kubelet keeps of the pod.</summary>
    public string Directory => Path.Combine(_kubelet.Root, "pods", Uid);

    /// <summary>The sandbox's bundle.</summary>
    public string Bundle => Path.Combine(_kubelet.Daemon.Directory, "state/io.containerd.runtime.v2.task/k8s.io", Id);

    /// <summary>The sandbox's process.</summary>
    public int SandboxPid =>
        int.Parse(File.ReadAllText(Path.Combine(Bundle, "init.pid")), CultureInfo.InvariantCulture);

    public string LogDirectory => Path.Combine(_kubelet.Logs, $"default_{Name}_{Uid}");

    /// <summary>The pod's cgroup as in the sandbox's configuration, without the hierarchy.</summary>
    public string CgroupPath => _cgroup.Path;

    /// <summary>What the sandbox is run with, and every container made with; tests may change it before.</summary>
    public PodSandboxConfig Config { get; }

    /// <summary>The containers that were made and not removed, in that order.</summary>
    public IReadOnlyList<PodContainer> Containers => _containers;

    public Daemon Daemon => _kubelet.Daemon;

    internal Kubelet Kubelet => _kubelet;

    internal PodCgroup Cgroup => _cgroup;

    /// <summary>Where a volume is on the node.</summary>
    public string VolumePath(string name) => Path.Combine(Directory, "volumes/kubernetes.io~empty-dir", name);

    public async Task RunSandboxAsync()
    {
        var request = new RunPodSandboxRequest { Config = Config, RuntimeHandler = Settings.Handler };
        Id = (await _kubelet.Runtime.RunPodSandboxAsync(request)).PodSandboxId;
    }

    public async Task<PodSandboxStatus> StatusAsync() =>
        (await _kubelet.Runtime.PodSandboxStatusAsync(new PodSandboxStatusRequest { PodSandboxId = Id })).Status;

    /// <summary>Makes and starts a container.</summary>
    public async Task<PodContainer> RunAsync(ContainerSettings settings)
    {
        PodContainer container = await CreateAsync(settings);
        await container.StartAsync();
        return container;
    }

    /// <summary>Makes a container; of the same name as an earlier one: its next attempt.</summary>
    public async Task<PodContainer> CreateAsync(ContainerSettings settings)
    {
        PodContainer container = await PodContainer.CreateAsync(this, settings);
        _containers.Add(container);
        return container;
    }

    /// <summary>Stops what the sandbox consists of; its containers are killed where they still run.</summary>
    public async Task StopAsync() =>
        await _kubelet.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = Id });

    /// <summary>Removes the sandbox and its containers from containerd, then what the pod had on the node.</summary>
    public async Task RemoveAsync()
    {
        if (_removed)
            return;
        _removed = true;
        try
        {
            await RemoveSandboxesAsync();
        }
        finally
        {
            // The children of what was mounted last go first.
            Mounts.UnmountAll(Directory);
            if (System.IO.Directory.Exists(Directory))
                System.IO.Directory.Delete(Directory, recursive: true);
            if (System.IO.Directory.Exists(LogDirectory))
                System.IO.Directory.Delete(LogDirectory, recursive: true);
            await _cgroup.RemoveAsync();
        }
    }

    public async ValueTask DisposeAsync() => await RemoveAsync();

    internal async Task MakeAsync()
    {
        System.IO.Directory.CreateDirectory(LogDirectory);
        System.IO.Directory.CreateDirectory(Path.Combine(Directory, "volumes"));
        foreach (string path in (string[])[Directory, Path.Combine(Directory, "volumes")])
            File.SetUnixFileMode(path, (UnixFileMode)0b111_101_000);
        await File.WriteAllTextAsync(Path.Combine(Directory, "etc-hosts"),
            "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n");
        foreach (EmptyDir volume in Settings.Volumes)
            await MakeVolumeAsync(volume);
        _cgroup.Create();
    }

    /// <summary>How the next attempt of a container is numbered.</summary>
    internal uint NextAttempt(string name) =>
        (uint)_containers.Where(container => container.Name == name).Select(static container => container.Attempt + 1)
            .DefaultIfEmpty(0u).Max();

    internal void Forget(PodContainer container) => _containers.Remove(container);

    internal NamespaceOption Namespaces => new()
    {
        Network = Settings.HostNetwork ? NamespaceMode.Node : NamespaceMode.Pod,
        Pid = Settings.Processes,
        Ipc = NamespaceMode.Pod,
    };

    /// <summary>The labels by which a kubelet finds its pods again.</summary>
    internal Dictionary<string, string> Labels => new()
    {
        ["io.kubernetes.pod.name"] = Name,
        ["io.kubernetes.pod.namespace"] = "default",
        ["io.kubernetes.pod.uid"] = Uid,
    };

    private async Task MakeVolumeAsync(EmptyDir volume)
    {
        string path = System.IO.Directory.CreateDirectory(VolumePath(volume.Name)).FullName;
        if (volume.Memory)
            Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs" }], path);
        File.SetUnixFileMode(path, (UnixFileMode)0b111_111_111);
        if (Settings.FsGroup is { } group)
        {
            (await Command.RunAsync("chgrp", [$"{group}", path])).Succeeded();
            File.SetUnixFileMode(path, (UnixFileMode)0b111_111_111 | UnixFileMode.SetGroup);
        }
    }

    private PodSandboxConfig MakeConfig()
    {
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = Name, Uid = Uid, Namespace = "default" },
            Hostname = Settings.HostNetwork ? "" : Name,
            LogDirectory = LogDirectory,
            DnsConfig = new DNSConfig
            {
                Servers = { "10.96.0.10" },
                Searches = { "default.svc.cluster.local" },
                Options = { "ndots:5" }
            },
            Labels = { Labels },
            Annotations = { Settings.Annotations.ToDictionary() },
            Linux = new LinuxPodSandboxConfig
            {
                CgroupParent = _cgroup.Path,
                SecurityContext = new LinuxSandboxSecurityContext
                {
                    NamespaceOptions = Namespaces,
                    Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.RuntimeDefault },
                },
            },
        };
        if (Settings.FsGroup is { } group)
            config.Linux.SecurityContext.SupplementalGroups.Add(group);
        return config;
    }

    /// <summary>Also those whose RunPodSandbox failed or gave up: containerd may know them all the same.</summary>
    private async Task RemoveSandboxesAsync()
    {
        var filter = new PodSandboxFilter { LabelSelector = { ["io.kubernetes.pod.uid"] = Uid } };
        ListPodSandboxResponse listed =
            await _kubelet.Runtime.ListPodSandboxAsync(new ListPodSandboxRequest { Filter = filter });
        foreach (PodSandbox sandbox in listed.Items)
        {
            await _kubelet.Runtime.StopPodSandboxAsync(new StopPodSandboxRequest { PodSandboxId = sandbox.Id });
            foreach (PodContainer container in _containers.ToArray())
                await container.RemoveAsync();
            // Refused while the state of the sandbox is still to be learned from its shim's end.
            await Eventually.TrueAsync($"sandbox {sandbox.Id} can be removed", async () =>
            {
                try
                {
                    await _kubelet.Runtime.RemovePodSandboxAsync(
                        new RemovePodSandboxRequest { PodSandboxId = sandbox.Id });
                    return true;
                }
                catch (RpcException e) when (e.StatusCode == StatusCode.Unknown)
                {
                    return false;
                }
            });
        }
    }
}
