namespace Shim.Volumes;

/// <summary>A pod's volumes as they are on the node, read before anything is decided.</summary>
/// <param name="PodUid">The pod.</param>
/// <param name="Directory">Its directory below kubelet's.</param>
/// <param name="ResolvedDirectory">The same with every link above it resolved: how containerd writes it in mounts.</param>
/// <param name="Volumes">Its volumes.</param>
internal sealed record PodVolumes(
    string PodUid, string Directory, string ResolvedDirectory, IReadOnlyList<PodVolume> Volumes)
{
    /// <summary>Whether kubelet has made the directory of its volumes.</summary>
    public bool Exists { get; init; } = true;

    /// <summary>Where its volumes are.</summary>
    public string VolumesDirectory => $"{Directory}/volumes";
}

/// <summary>A volume of a pod.</summary>
/// <param name="Name">Its name in the pod.</param>
/// <param name="Plugin">Kubernetes' name for what it is, such as <see cref="EmptyDirPlugin"/>.</param>
/// <param name="Path">Its directory on the node.</param>
internal sealed record PodVolume(string Name, string Plugin, string Path)
{
    /// <summary>The plugin of emptyDirs.</summary>
    public const string EmptyDirPlugin = "kubernetes.io~empty-dir";

    /// <summary>What an emptyDir's directory is like; null for other volumes, and for one that is gone.</summary>
    public EmptyDirectory? Directory { get; init; }

    /// <summary>Whether it is an emptyDir.</summary>
    public bool IsEmptyDir => Plugin == EmptyDirPlugin;
}

/// <summary>The directory of an emptyDir on the node.</summary>
/// <param name="Medium">Where its file system keeps files.</param>
/// <param name="Mode">Its permissions, with the set-id and sticky bits.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="OtherUse">What shows that somebody else uses it; null for nothing.</param>
/// <param name="FileStores">The names of the sandboxes' file stores in it.</param>
internal sealed record EmptyDirectory(
    VolumeMedium Medium, uint Mode, uint Uid, uint Gid, string? OtherUse, IReadOnlyList<string> FileStores);
