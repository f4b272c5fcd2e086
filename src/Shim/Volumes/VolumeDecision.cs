namespace Shim.Volumes;

/// <summary>Why a volume is as it is: the first rule that fits counts.</summary>
internal enum VolumeRule
{
    /// <summary>The pod asks for the node's own directory: <c>force-shared</c>, or <c>share=shared</c>.</summary>
    ForceShared,

    /// <summary>Somebody else uses the directory, and would not see the pod's files nor the pod theirs.</summary>
    UsedByOthers,

    /// <summary>The pod asks for a volume that its containers share: <c>share=pod</c>, a type alone, or a medium alone.</summary>
    SharedByPod,

    /// <summary>The pod says <c>share=container</c>.</summary>
    SharedByContainer,

    /// <summary>The node's configuration says <c>empty_dir = "pod"</c>, and the pod says nothing.</summary>
    Configured,

    /// <summary>Nobody asks for anything.</summary>
    NotAsked,

    /// <summary>It is no emptyDir: its data outlives the pod, whatever a hint says.</summary>
    OtherVolumeType,

    /// <summary>The sandbox comes back from an image, and the volume is as the image has it.</summary>
    Restored,
}

/// <summary>Who shares a volume that is in the sandbox.</summary>
internal enum VolumeShare
{
    /// <summary>All containers of the pod.</summary>
    Pod,

    /// <summary>As the hint <c>share=container</c> says.</summary>
    Container,
}

/// <summary>
/// What becomes of one volume of a pod. Decided once, when the pod's sandbox is created, and kept for all its
/// containers.
/// </summary>
internal sealed record VolumeDecision
{
    /// <summary>The volume's name in the pod.</summary>
    public required string Volume { get; init; }

    /// <summary>Its directory on the node; the source of its hint, and of its mounts.</summary>
    public required string Path { get; init; }

    /// <summary>Who shares it in the sandbox; null: passthrough, it stays the node's directory.</summary>
    public VolumeShare? Share { get; init; }

    /// <summary>Where its pages are, if it is in the sandbox.</summary>
    public VolumeMedium Medium { get; init; }

    /// <summary>The options of its hint, if it is in the sandbox.</summary>
    public string Options { get; init; } = "";

    /// <summary>The rule that decided.</summary>
    public required VolumeRule Rule { get; init; }

    /// <summary>Why the rule fits, for people.</summary>
    public required string Why { get; init; }

    /// <summary>Whether the containers mount the node's directory itself.</summary>
    public bool IsPassthrough => Share is null;

    /// <summary>The outcome in a word: <c>passthrough</c>, <c>pod-disk</c>, <c>pod-memory</c>, …</summary>
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
