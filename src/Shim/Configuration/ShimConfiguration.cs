namespace Shim.Configuration;

/// <summary>
/// The administrator's configuration of this runtime: the TOML file that containerd's <c>ConfigPath</c> names, or one
/// of <see cref="ConfigurationFile.DefaultPaths"/>.
/// </summary>
internal sealed record ShimConfiguration
{
    private const string IdTag = "%ID%";

    /// <summary>The configuration of a node without a configuration file.</summary>
    public static ShimConfiguration Default { get; } = new();

    /// <summary><c>binary_name</c>: the runsc to run; a path, or a name on PATH.</summary>
    public string BinaryName { get; init; } = "runsc";

    /// <summary><c>root</c>: runsc's state directory; each containerd namespace has a directory in it.</summary>
    public string Root { get; init; } = "/run/containerd/runsc";

    /// <summary><c>shim_cgroup</c>: the cgroup of the shim itself; empty: the one in which it was started.</summary>
    public string ShimCgroup { get; init; } = "";

    /// <summary><c>io_uid</c>: the owner given to the FIFOs and pipes of a container's stdio.</summary>
    public uint IoUid { get; init; }

    /// <summary><c>io_gid</c>: the group given to the FIFOs and pipes of a container's stdio.</summary>
    public uint IoGid { get; init; }

    /// <summary>
    /// <c>log_level</c>: trace, debug, info, warn or error; empty: info, or debug with <c>-debug</c>.
    /// </summary>
    public string LogLevel { get; init; } = "";

    /// <summary>
    /// <c>log_path</c>: a file for the shim's log beside containerd's. A path that ends in <c>/</c> is a directory and
    /// gets a file <c>runsc-shim-ID.log</c>; <c>%ID%</c> stands for the id.
    /// </summary>
    public string LogPath { get; init; } = "";

    /// <summary>
    /// <c>grouping</c>: one shim for all containers of a pod (default), or a shim for each container.
    /// </summary>
    public bool Grouping { get; init; } = true;

    /// <summary><c>kubelet_root</c>: kubelet's directory, where pods' volumes are.</summary>
    public string KubeletRoot { get; init; } = "/var/lib/kubelet";

    /// <summary>
    /// <c>empty_dir = "pod"</c>: every emptyDir of every pod is kept in the sandbox, shared by the pod's containers, as
    /// if its pod's annotations said <c>share=pod</c>.
    /// </summary>
    public bool EmptyDirsOfPod { get; init; }

    /// <summary>
    /// <c>restore_root</c>: the directory below which pods' annotations may name images to restore from; empty: none
    /// may. <c>%NAMESPACE%</c> in it stands for the pod's Kubernetes namespace.
    /// </summary>
    public string RestoreRoot { get; init; } = "";

    /// <summary>
    /// <c>restore_across_namespaces</c>: a pod may be restored from an image of a pod in another Kubernetes namespace.
    /// </summary>
    public bool RestoreAcrossNamespaces { get; init; }

    /// <summary>
    /// <c>checkpoint_root</c>: the directory below which pods' annotations may have runsc write images; empty: none
    /// may. <c>%NAMESPACE%</c> in it stands for the pod's Kubernetes namespace.
    /// </summary>
    public string CheckpointRoot { get; init; } = "";

    /// <summary>
    /// <c>allowed_annotations</c>: further annotations of gVisor's that reach runsc; a name that ends in <c>*</c>
    /// stands for all that begin so.
    /// </summary>
    public IReadOnlyList<string> AllowedAnnotations { get; init; } = [];

    /// <summary><c>enable_hibernate_server</c>: gVisor's task service also at <c>ROOT/ID_sandbox.sock</c>.</summary>
    public bool EnableHibernateServer { get; init; }

    /// <summary><c>[checkpoint]</c>: how images are written.</summary>
    public CheckpointConfiguration Checkpoint { get; init; } = new();

    /// <summary><c>[restore]</c>: how images are read.</summary>
    public RestoreConfiguration Restore { get; init; } = new();

    /// <summary>
    /// <c>[runsc_config]</c>: flags for every runsc command, by name without dashes, sorted. <c>%ID%</c> in a value
    /// stands for the container's id, as in gVisor's own shim; <c>%COMMAND%</c> and others are runsc's.
    /// </summary>
    public SortedDictionary<string, string> RunscConfig { get; init; } = new(StringComparer.Ordinal);

    /// <summary>The flags for the commands of one container.</summary>
    /// <param name="id">containerd's id of the container.</param>
    public IReadOnlyDictionary<string, string> FlagsOf(string id)
    {
        var flags = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in RunscConfig)
            flags[name] = value.Replace(IdTag, id, StringComparison.Ordinal);
        return flags;
    }

    /// <summary>The file for the shim's log of the shim <paramref name="id"/>, or null where none is wanted.</summary>
    public string? LogFileOf(string id) => LogPath switch
    {
        "" => null,
        [.., '/'] => $"{LogPath}runsc-shim-{id}.log".Replace(IdTag, id, StringComparison.Ordinal),
        _ => LogPath.Replace(IdTag, id, StringComparison.Ordinal),
    };
}
