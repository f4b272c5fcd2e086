using System.Text;

namespace Shim.Bundles;

/// <summary>A container's bundle: the directory that containerd creates for it, and the paths in it.</summary>
internal sealed class Bundle(string path)
{
    /// <summary>The directory's absolute path.</summary>
    public string Path { get; } = path;

    /// <summary>Whether it still holds a container's specification: containerd has not removed it.</summary>
    public bool Exists => File.Exists(Specification);

    /// <summary>The OCI specification.</summary>
    public string Specification => In("config.json");

    /// <summary>The mount point of the container's root file system.</summary>
    public string Rootfs => In("rootfs");

    /// <summary>The record for a later <c>delete</c> (<see cref="BundleState"/>).</summary>
    public string State => In("state.json");

    /// <summary>
    /// The decisions about the pod's volumes, in the sandbox's bundle (<see cref="Shim.Volumes.VolumeDecisions"/>).
    /// </summary>
    public string Volumes => In("volumes.json");

    /// <summary>Holds the path of an image that is being written, for the <c>delete</c> after a killed shim.</summary>
    public string PartialImage => In("checkpoint-partial");

    /// <summary>The bundle of another container in the same namespace: containerd keeps bundles side by side.</summary>
    public Bundle Of(string containerId) =>
        new(System.IO.Path.Join(System.IO.Path.GetDirectoryName(Path.TrimEnd('/')), containerId));

    /// <summary>The file to which runsc writes the sandbox's process id.</summary>
    public string PidFile => In("init.pid");

    /// <summary>The log of runsc's commands for this container.</summary>
    public string RunscLog => In("log.json");

    /// <summary>The address of the shim that serves this container.</summary>
    public string Address => In("address");

    /// <summary>The process id of the shim, in the bundle of the container that it was started for.</summary>
    public string ShimPid => In("shim.pid");

    /// <summary>A file of one exec: <c>exec-ID.SUFFIX</c>.</summary>
    public string ExecFile(string execId, string suffix) => In($"exec-{execId}.{suffix}");

    /// <summary>
    /// The directory of the sockets for terminals, outside of the bundle: the path of a unix socket must be short.
    /// </summary>
    public string ConsoleDirectory =>
        $"/run/containerd/runsc-tty/{Sha256.HexOf(Encoding.UTF8.GetBytes(Path)).AsSpan(0, 16)}";

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
