namespace Shim.Checkpoints;

/// <summary>The names of the files in an image's directory, which has no directories in it.</summary>
internal static class ImageFiles
{
    /// <summary>The sandbox's state, with or without its memory. Without it a directory holds no image.</summary>
    public const string State = "checkpoint.img";

    /// <summary>The file systems that <c>runsc fscheckpoint</c> saved.</summary>
    public const string FileSystems = "multitar.img";

    /// <summary>What this shim adds (<see cref="CheckpointRecord"/>).</summary>
    public const string Record = "shim.json";

    /// <summary>The files of which an image may consist; each must be a plain file.</summary>
    public static IReadOnlyList<string> All { get; } =
        [State, "pages.img", "pages_meta.img", FileSystems, Record];
}
