namespace Shim.Volumes;

/// <summary>A pod's volumes on the node, read before anything is decided.</summary>
/// <param name="PodUid">The pod's uid.</param>
/// <param name="Directory">Its directory below kubelet's.</param>
/// <param name="ResolvedDirectory">The same with all links resolved, as containerd writes it in mounts.</param>
/// <param name="Volumes">Its volumes.</param>
internal sealed record PodVolumes(
    string PodUid, string Directory, string ResolvedDirectory, IReadOnlyList<PodVolume> Volumes)
{
    /// <summary>Whether kubelet has created the directory of its volumes.</summary>
    public bool Exists { get; init; } = true;

    /// <summary>The directory of its volumes.</summary>
    public string VolumesDirectory => $"{Directory}/volumes";
}

/// <summary>A volume of a pod.</summary>
/// <param name="Name">Its name in the pod.</param>
/// <param name="Plugin">Kubernetes' name for its type, such as <see cref="EmptyDirPlugin"/>.</param>
/// <param name="Path">Its directory on the node.</param>
internal sealed record PodVolume(string Name, string Plugin, string Path)
{
    /// <summary>The plugin of emptyDirs.</summary>
    public const string EmptyDirPlugin = "kubernetes.io~empty-dir";

    /// <summary>The emptyDir's directory; null for other volumes, and if the directory is gone.</summary>
    public EmptyDirectory? Directory { get; init; }

    /// <summary>Whether it is an emptyDir.</summary>
    public bool IsEmptyDir => Plugin == EmptyDirPlugin;
}

/// <summary>The directory of an emptyDir on the node.</summary>
/// <param name="Medium">Where its file system keeps its files.</param>
/// <param name="Mode">Its permissions, with the set-id and sticky bits.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="OtherUse">A sign that something else uses it, for messages; null if there is none.</param>
/// <param name="FileStores">The names of the file stores of sandboxes in it.</param>
internal sealed record EmptyDirectory(
    VolumeMedium Medium, uint Mode, uint Uid, uint Gid, string? OtherUse, IReadOnlyList<string> FileStores)
{
    /// <summary>The size in bytes of the tmpfs that kubelet mounted with the volume's limit; null if none.</summary>
    public ulong? Size { get; init; }
}
