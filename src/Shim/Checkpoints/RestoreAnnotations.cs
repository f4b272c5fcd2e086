using Shim.Oci;

namespace Shim.Checkpoints;

/// <summary>
/// A pod's annotations about images to restore from. They are for the shim only; runsc does not see them.
/// </summary>
internal sealed record RestoreAnnotations
{
    private const string RestorePrefix = "dev.gvisor.internal.restore.";
    private const string FileSystemsPrefix = "dev.gvisor.internal.fsrestore.";

    /// <summary>The annotation that names an image's directory on the node.</summary>
    public const string ImagePath = RestorePrefix + "host-image-path";

    /// <summary>The annotation that names the directory of an image of file systems on the node.</summary>
    public const string FileSystemsImagePath = FileSystemsPrefix + "host-image-path";

    /// <summary>The value of <see cref="ImagePath"/>; null if not set.</summary>
    public string? Image { get; private init; }

    /// <summary>Whether pages are read past the node's page cache; null if not set.</summary>
    public bool? Direct { get; private init; }

    /// <summary>Whether memory is loaded while the containers run; null if not set.</summary>
    public bool? Background { get; private init; }

    /// <summary>The value of <see cref="FileSystemsImagePath"/>; null if not set.</summary>
    public string? FileSystemsImage { get; private init; }

    /// <summary>Whether the image of file systems is read past the node's page cache.</summary>
    public bool FileSystemsDirect { get; private init; }

    /// <summary>Removes these annotations from a specification.</summary>
    public static void Remove(IReadOnlyDictionary<string, string> annotations, SpecEdits edits)
    {
        foreach (string annotation in annotations.Keys)
            if (IsOne(annotation))
                edits.Remove(annotation);
    }

    private static bool IsOne(string annotation) =>
        annotation.StartsWith(RestorePrefix, StringComparison.Ordinal)
        || annotation.StartsWith(FileSystemsPrefix, StringComparison.Ordinal);

    /// <summary>Parses a sandbox's annotations.</summary>
    /// <exception cref="CheckpointException">One is unknown, or must be a boolean and is not.</exception>
    public static RestoreAnnotations Parse(IReadOnlyDictionary<string, string> annotations)
    {
        var found = new RestoreAnnotations();
        foreach ((string annotation, string value) in annotations)
            if (IsOne(annotation))
                found = annotation switch
                {
                    ImagePath => found with { Image = value },
                    RestorePrefix + "direct" => found with { Direct = Boolean(annotation, value) },
                    RestorePrefix + "background" => found with { Background = Boolean(annotation, value) },
                    FileSystemsImagePath => found with { FileSystemsImage = value },
                    FileSystemsPrefix + "direct" => found with { FileSystemsDirect = Boolean(annotation, value) },
                    _ => throw new CheckpointException(
                        CheckpointFault.Invalid, $"annotation {annotation.Short()} is unknown"),
                };
        return found;
    }

    private static bool Boolean(string annotation, string value) =>
        GoBoolean.Parse(value) ?? throw new CheckpointException(CheckpointFault.Invalid,
            $"annotation {annotation}=\"{value.Short()}\" must be true or false");
}
