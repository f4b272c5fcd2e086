namespace Shim.Checkpoints;

/// <summary>The names of the files in an image's directory, which has no directories in it.</summary>
internal static class ImageFiles
{
    /// <summary>The sandbox's state, with or without its memory. Without it a directory holds no image.</summary>
    public const string State = "checkpoint.img";

    /// <summary>The file systems that <c>runsc fscheckpoint</c> saved.</summary>
    public const string FileSystems = "multitar.img";

    /// <summary>What <c>runsc fscheckpoint</c> says of them.</summary>
    public const string FileSystemsRecord = "fscheckpoint.json";

    /// <summary>What this shim adds (<see cref="CheckpointRecord"/>).</summary>
    public const string Record = "shim.json";

    /// <summary>The files of which an image may consist; each must be a plain file.</summary>
    public static IReadOnlyList<string> All { get; } =
        [State, "pages.img", "pages_meta.img", FileSystems, FileSystemsRecord, Record];

    /// <summary>Whether it is a file that runsc wrote for an image, of either kind: both have pages of the same names.</summary>
    public static bool IsOfImage(string name)
    {
        foreach (string file in All)
            if (file == name)
                return name != Record;
        return false;
    }
}
