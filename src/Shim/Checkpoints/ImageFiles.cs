namespace Shim.Checkpoints;

/// <summary>The names of the files in an image's directory, which has no subdirectories.</summary>
internal static class ImageFiles
{
    /// <summary>The sandbox's state, with or without its memory. Without this file there is no image.</summary>
    public const string State = "checkpoint.img";

    /// <summary>The file systems that <c>runsc fscheckpoint</c> saved.</summary>
    public const string FileSystems = "multitar.img";

    /// <summary>What the shim adds (<see cref="CheckpointRecord"/>).</summary>
    public const string Record = "shim.json";

    /// <summary>
    /// Whether runsc writes a file of this name for an image of either kind; both kinds have pages of the same names.
    /// </summary>
    public static bool IsOfImage(string name) =>
        name is State or "pages.img" or "pages_meta.img" or FileSystems or "fscheckpoint.json";
}
