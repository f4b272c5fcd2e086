using System.Text;

namespace Shim.Bundles;

/// <summary>A container's bundle: the directory that containerd makes for it, and what lies where in it.</summary>
internal sealed class Bundle(string path)
{
    /// <summary>The directory's absolute path.</summary>
    public string Path { get; } = path;

    /// <summary>The OCI specification.</summary>
    public string Specification => In("config.json");

    /// <summary>The container's root file system, where Create mounts it.</summary>
    public string Rootfs => In("rootfs");

    /// <summary>What a later <c>delete</c> must know (<see cref="BundleState"/>).</summary>
    public string State => In("state.json");

    /// <summary>What was decided about the volumes of the pod, in its sandbox's bundle (<see cref="Shim.Volumes.VolumeDecisions"/>).</summary>
    public string Volumes => In("volumes.json");

    /// <summary>Holds the path of the image that is just being written, for whoever cleans up after a shim that was killed.</summary>
    public string PartialImage => In("checkpoint-partial");

    /// <summary>The bundle of another container of the same namespace: containerd keeps them side by side.</summary>
    public Bundle Of(string containerId) =>
        new(System.IO.Path.Join(System.IO.Path.GetDirectoryName(Path.TrimEnd('/')), containerId));

    /// <summary>Where runsc writes the sandbox's process id.</summary>
    public string PidFile => In("init.pid");

    /// <summary>runsc's log of commands on this container.</summary>
    public string RunscLog => In("log.json");

    /// <summary>The address of the shim that serves this container.</summary>
    public string Address => In("address");

    /// <summary>The process id of the shim, in the bundle of the container that it was started for.</summary>
    public string ShimPid => In("shim.pid");

    /// <summary>A file of one exec: <c>exec-ID.SUFFIX</c>.</summary>
    public string ExecFile(string execId, string suffix) => In($"exec-{execId}.{suffix}");

    /// <summary>Where the sockets for its processes' terminals are made: unix socket paths must be short, bundles' are not.</summary>
    public string ConsoleDirectory =>
        $"/run/containerd/runsc-tty/{Sha256.HexOf(Encoding.UTF8.GetBytes(Path)).AsSpan(0, 16)}";

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
