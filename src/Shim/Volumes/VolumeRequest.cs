namespace Shim.Volumes;

/// <summary>Where the pages of a volume in the sandbox are kept.</summary>
internal enum VolumeMedium
{
    /// <summary>In a file in the volume's directory on the node.</summary>
    Disk,

    /// <summary>In the sandbox's memory.</summary>
    Memory,
}

/// <summary>What a pod's annotations request for one volume.</summary>
internal sealed record VolumeRequest
{
    /// <summary>The volume's name in the pod.</summary>
    public required string Name { get; init; }

    /// <summary><c>dev.gvisor.spec.mount.NAME.type</c>: <c>tmpfs</c> or <c>bind</c>; null if not set.</summary>
    public string? Type { get; init; }

    /// <summary>
    /// <c>dev.gvisor.spec.mount.NAME.share</c>: <c>pod</c>, <c>container</c> or <c>shared</c>; null if not set.
    /// </summary>
    public string? Share { get; init; }

    /// <summary><c>dev.gvisor.spec.mount.NAME.options</c>; null if not set.</summary>
    public string? Options { get; init; }

    /// <summary>
    /// <c>dev.gvisor.spec.mount.NAME.source</c>: ignored, since only the shim writes sources (see
    /// <see cref="VolumeAnnotationRewriter"/>); null if not set.
    /// </summary>
    public string? Source { get; init; }

    /// <summary><c>dev.gvisor.empty-dir.NAME.force-shared</c>.</summary>
    public bool ForceShared { get; init; }

    /// <summary><c>dev.gvisor.empty-dir.NAME.medium</c>; null if not set.</summary>
    public VolumeMedium? Medium { get; init; }

    /// <summary>The names of all hint annotations of the volume.</summary>
    public IReadOnlyList<string> HintAnnotations { get; init; } = [];

    /// <summary>Whether the volume is to be kept in the sandbox.</summary>
    public bool WantsSandbox => !WantsNode && (Type is not null || Share is not null || Medium is not null);

    private bool WantsNode => ForceShared || Share == "shared";
}
