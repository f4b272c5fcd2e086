namespace Linux;

/// <summary>One mount as containerd describes it (containerd.types.Mount).</summary>
public sealed record MountSpec
{
    /// <summary>The file system, such as `overlay`; `bind` for bind mounts.</summary>
    public required string Type { get; init; }

    /// <summary>What to mount.</summary>
    public required string Source { get; init; }

    /// <summary>Where, inside of the root file system; empty for the root itself.</summary>
    public string Target { get; init; } = "";

    /// <summary>Options as in fstab(5): those known become flags, the rest is the file system's data.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];
}
