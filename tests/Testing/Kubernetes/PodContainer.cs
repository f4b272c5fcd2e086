using Containerd.Grpc.Cri;
using Google.Protobuf;
using Linux;

namespace Testing;

/// <summary>A container of a <see cref="Testing.Pod"/>.</summary>
public sealed class PodContainer
{
    // What a kubelet asks for unless the pod says otherwise.
    private static readonly string[] s_maskedPaths =
    [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
    ];
    private static readonly string[] s_readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
        "/proc/sysrq-trigger"];

    private readonly ContainerSettings _settings;

    private PodContainer(Pod pod, ContainerSettings settings)
    {
        Pod = pod;
        _settings = settings;
        Attempt = pod.NextAttempt(settings.Name);
    }

    public Pod Pod { get; }

    public string Id { get; private set; } = "";

    public string Name => _settings.Name;

    /// <summary>How often a container of this name was made in the pod before.</summary>
    public uint Attempt { get; }

    public string LogFile => Path.Combine(Pod.LogDirectory, LogPath);

    /// <summary>The file of the node that is /dev/termination-log in the container.</summary>
    public string TerminationLog => Path.Combine(Pod.Directory, "containers", Name, $"{Attempt:x8}");

    private string LogPath => $"{Name}/{Attempt}.log";

    private RuntimeService.RuntimeServiceClient Runtime => Pod.Kubelet.Runtime;

    internal static async Task<PodContainer> CreateAsync(Pod pod, ContainerSettings settings)
    {
        var container = new PodContainer(pod, settings);
        Directory.CreateDirectory(Path.GetDirectoryName(container.LogFile)!);
        Directory.CreateDirectory(Path.GetDirectoryName(container.TerminationLog)!);
        await File.WriteAllTextAsync(container.TerminationLog, "");
        File.SetUnixFileMode(container.TerminationLog, (UnixFileMode)0b110_110_110);
        var request = new CreateContainerRequest
        {
            PodSandboxId = pod.Id,
            Config = container.MakeConfig(),
            SandboxConfig = pod.Config
        };
        container.Id = (await container.Runtime.CreateContainerAsync(request)).ContainerId;
        return container;
    }

    public async Task StartAsync() => await Runtime.StartContainerAsync(new StartContainerRequest { ContainerId = Id });

    /// <summary>SIGTERM, and SIGKILL after so many seconds.</summary>
    public async Task StopAsync(int seconds) =>
        await Runtime.StopContainerAsync(new StopContainerRequest { ContainerId = Id, Timeout = seconds });

    /// <summary>Removes it, killing it first if it runs; its log stays.</summary>
    public async Task RemoveAsync()
    {
        await Runtime.RemoveContainerAsync(new RemoveContainerRequest { ContainerId = Id });
        Pod.Forget(this);
    }

    public async Task<ContainerStatus> StatusAsync() =>
        (await Runtime.ContainerStatusAsync(new ContainerStatusRequest { ContainerId = Id })).Status;

    /// <summary>Waits until it has ended.</summary>
    public Task<ContainerStatus> UntilExitedAsync() => Eventually.GetAsync($"container {Name} exits",
        async () => await StatusAsync() is { State: ContainerState.ContainerExited } status ? status : null);

    /// <summary>Runs a command in it to its end.</summary>
    public Task<CommandResult> ExecAsync(params string[] command) => ExecAsync(0, command);

    /// <summary>The same with a limit in seconds.</summary>
    public async Task<CommandResult> ExecAsync(int seconds, params string[] command)
    {
        var request = new ExecSyncRequest { ContainerId = Id, Cmd = { command }, Timeout = seconds };
        ExecSyncResponse response = await Runtime.ExecSyncAsync(request);
        return new CommandResult($"{Name}: {string.Join(' ', command)}", response.ExitCode,
            response.Stdout.ToByteArray(),
            response.Stderr.ToStringUtf8());
    }

    /// <summary>Runs a command in it with streams.</summary>
    public async Task<RemoteCommand> OpenExecAsync(bool terminal, bool stdin, params string[] command)
    {
        var request = new ExecRequest
        {
            ContainerId = Id,
            Cmd = { command },
            Tty = terminal,
            Stdin = stdin,
            Stdout = true,
            Stderr = !terminal,
        };
        return await RemoteCommand.ConnectAsync((await Runtime.ExecAsync(request)).Url);
    }

    /// <summary>Joins the streams of its own process.</summary>
    public async Task<RemoteCommand> OpenAttachAsync()
    {
        var request = new AttachRequest
        {
            ContainerId = Id,
            Tty = _settings.Terminal,
            Stdin = _settings.Stdin,
            Stdout = true,
            Stderr = !_settings.Terminal,
        };
        return await RemoteCommand.ConnectAsync((await Runtime.AttachAsync(request)).Url);
    }

    /// <summary>The limit of its cgroup on the node, in bytes.</summary>
    public long MemoryLimit => Pod.Cgroup.MemoryLimit(Id);

    /// <summary>The whole lines of its log.</summary>
    public IReadOnlyList<LogLine> Log => File.Exists(LogFile)
        ? [.. File.ReadAllText(LogFile).Split('\n')[..^1].Select(LogLine.Parse)]
        : [];

    /// <summary>Waits until a line of its log is this.</summary>
    public Task<LogLine> UntilLoggedAsync(string text) =>
        Eventually.GetAsync($"\"{text}\" in the log of container {Name}",
        () => Task.FromResult(Log.FirstOrDefault(line => line.Text == text)));

    private ContainerConfig MakeConfig()
    {
        var config = new ContainerConfig
        {
            Metadata = new ContainerMetadata { Name = Name, Attempt = Attempt },
            Image = Pod.Kubelet.Image,
            Command = { _settings.Command },
            Envs = { _settings.Environment.Select(static e =>
                new KeyValue { Key = e.Key, Value = ByteString.CopyFromUtf8(e.Value) }) },
            Mounts = { Mounts() },
            Labels = { Pod.Labels },
            Annotations =
            {
                ["io.kubernetes.container.hash"] = "1",
                ["io.kubernetes.container.restartCount"] = $"{Attempt}",
                ["io.kubernetes.container.terminationMessagePath"] = "/dev/termination-log",
                ["io.kubernetes.container.terminationMessagePolicy"] = "File",
                ["io.kubernetes.pod.terminationGracePeriod"] = "30",
            },
            LogPath = LogPath,
            Stdin = _settings.Stdin,
            StdinOnce = _settings.StdinOnce,
            Tty = _settings.Terminal,
            Linux = new LinuxContainerConfig
            {
                Resources = _settings.Resources,
                SecurityContext = new LinuxContainerSecurityContext
                {
                    NamespaceOptions = Pod.Namespaces,
                    MaskedPaths = { s_maskedPaths },
                    ReadonlyPaths = { s_readOnlyPaths },
                    Seccomp = new SecurityProfile { ProfileType = SecurityProfile.Types.ProfileType.Unconfined },
                },
            },
        };
        config.Labels["io.kubernetes.container.name"] = Name;
        if (_settings.User is { } user)
            config.Linux.SecurityContext.RunAsUser = new Int64Value { Value = user };
        if (Pod.Settings.FsGroup is { } group)
            config.Linux.SecurityContext.SupplementalGroups.Add(group);
        return config;
    }

    private IEnumerable<Mount> Mounts()
    {
        for (int i = 0; i < _settings.Volumes.Count; i++)
        {
            VolumeMount volume = _settings.Volumes[i];
            string source = volume.SubPath is null ? Pod.VolumePath(volume.Volume) : MountSubPath(volume, i);
            yield return new Mount
            {
                HostPath = source,
                ContainerPath = volume.Path,
                Readonly = volume.ReadOnly,
                Propagation = volume.Propagation,
            };
        }
        foreach (HostPathMount mount in _settings.HostPaths)
            yield return new Mount
            {
                HostPath = mount.HostPath,
                ContainerPath = mount.Path,
                Readonly = mount.ReadOnly,
                Propagation = mount.Propagation,
            };
        yield return new Mount { HostPath = Path.Combine(Pod.Directory, "etc-hosts"), ContainerPath = "/etc/hosts" };
        yield return new Mount { HostPath = TerminationLog, ContainerPath = "/dev/termination-log" };
    }

    /// <summary>
    /// A kubelet binds the directory to a place of its own, so that it cannot become a link behind its back.
    /// </summary>
    private string MountSubPath(VolumeMount volume, int index)
    {
        string source = Directory.CreateDirectory(Path.Combine(Pod.VolumePath(volume.Volume), volume.SubPath!))
            .FullName;
        string target = Path.Combine(Pod.Directory, "volume-subpaths", volume.Volume, Name, $"{index}");
        Directory.CreateDirectory(target);
        Linux.Mounts.UnmountAll(target);
        Linux.Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["bind"] }], target);
        return target;
    }
}
