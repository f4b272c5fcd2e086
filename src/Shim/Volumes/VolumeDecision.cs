namespace Shim.Volumes;

/// <summary>The rules that decide about a volume; the first matching one applies.</summary>
internal enum VolumeRule
{
    /// <summary>The pod requests the node's own directory: <c>force-shared</c>, or <c>share=shared</c>.</summary>
    ForceShared,

    /// <summary>Something else uses the directory: in the sandbox neither would see the other's files.</summary>
    UsedByOthers,

    /// <summary>
    /// The pod requests a volume that its containers share: <c>share=pod</c>, or a type or medium without a share.
    /// </summary>
    SharedByPod,

    /// <summary>The pod requests <c>share=container</c>.</summary>
    SharedByContainer,

    /// <summary>The node's configuration says <c>empty_dir = "pod"</c>, and the pod requests nothing.</summary>
    Configured,

    /// <summary>Neither the pod nor the configuration requests anything.</summary>
    NotAsked,

    /// <summary>It is not an emptyDir: its data outlives the pod, whatever a hint says.</summary>
    OtherVolumeType,

    /// <summary>The sandbox is restored from an image, and the volume is as it was when the image was made.</summary>
    Restored,
}

/// <summary>Which containers share a volume in the sandbox.</summary>
internal enum VolumeShare
{
    /// <summary>All containers of the pod.</summary>
    Pod,

    /// <summary>As runsc's hint <c>share=container</c> does.</summary>
    Container,
}

/// <summary>
/// The decision about one volume of a pod, made when the pod's sandbox is created and kept for all its containers.
/// </summary>
internal sealed record VolumeDecision
{
    /// <summary>The volume's name in the pod.</summary>
    public required string Volume { get; init; }

    /// <summary>Its directory on the node; the source of its hint, and of its mounts.</summary>
    public required string Path { get; init; }

    /// <summary>Who shares it in the sandbox; null if it is passed through: the node's directory.</summary>
    public VolumeShare? Share { get; init; }

    /// <summary>The medium of its pages, if it is in the sandbox.</summary>
    public VolumeMedium Medium { get; init; }

    /// <summary>The options of its hint, if it is in the sandbox.</summary>
    public string Options { get; init; } = "";

    /// <summary>The rule that decided.</summary>
    public required VolumeRule Rule { get; init; }

    /// <summary>Why the rule applies, for people.</summary>
    public required string Why { get; init; }

    /// <summary>Whether the containers mount the node's directory.</summary>
    public bool IsPassthrough => Share is null;

    /// <summary>The outcome in one word: <c>passthrough</c>, <c>pod-disk</c>, <c>pod-memory</c>, …</summary>
    public string Outcome => (Share, Medium) switch
    {
        (null, _) => "passthrough",
        (VolumeShare.Pod, VolumeMedium.Disk) => "pod-disk",
        (VolumeShare.Pod, _) => "pod-memory",
        (_, VolumeMedium.Disk) => "container-disk",
        _ => "container-memory",
    };

    /// <summary>The rule's name in logs and files.</summary>
    public string RuleName => NameOf(Rule);

    /// <summary>A rule's name in logs and files.</summary>
    public static string NameOf(VolumeRule rule) => rule switch
    {
        VolumeRule.ForceShared => "force-shared",
        VolumeRule.UsedByOthers => "used-by-others",
        VolumeRule.SharedByPod => "shared-by-pod",
        VolumeRule.SharedByContainer => "shared-by-container",
        VolumeRule.Configured => "configured",
        VolumeRule.NotAsked => "not-asked",
        VolumeRule.Restored => "restored",
        _ => "other-volume-type",
    };
}
