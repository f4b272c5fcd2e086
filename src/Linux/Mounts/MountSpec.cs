namespace Linux;

/// <summary>A mount as containerd describes it (containerd.types.Mount).</summary>
public sealed record MountSpec
{
    /// <summary>The type of file system, such as <c>overlay</c>; <c>bind</c> for bind mounts.</summary>
    public required string Type { get; init; }

    /// <summary>What to mount.</summary>
    public required string Source { get; init; }

    /// <summary>The mount point inside of the root file system; empty for its root.</summary>
    public string Target { get; init; } = "";

    /// <summary>Options as in fstab(5): known ones become flags, the others are passed to the file system.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>
    /// Whether an option is a note of other programs, such as containerd's mount manager, that no file system is given
    /// (mount(8)).
    /// </summary>
    public static bool IsNote(string option) => option is ['X' or 'x', '-', ..];
}
