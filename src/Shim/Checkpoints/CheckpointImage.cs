using Linux;

namespace Shim.Checkpoints;

/// <summary>
/// An image that containers are to be restored from. Its directory stays open, so that what was looked at is what runsc
/// reads, whatever happens to its name.
/// </summary>
/// <remarks>Reading blocks. Whether the image is whole only runsc knows; what it says of itself is read here.</remarks>
internal sealed class CheckpointImage : IDisposable
{
    private readonly OpenDirectory _directory;

    private CheckpointImage(OpenDirectory directory)
    {
        _directory = directory;
        ImageDirectory.RequirePlainFiles(directory, ImageFiles.State, "runsc checkpoint writes it");
        Header = ReadHeader(directory);
        Record = ReadRecord(directory);
        if (Record is { } record && Header.ContainerCount is { } count && count != record.Containers.Count)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {Path}: {ImageFiles.Record} names {record.Containers.Count} containers and {ImageFiles.State} holds {count}: "
                + "they are not of the same checkpoint");
    }

    /// <summary>Its directory, as it was named.</summary>
    public string Path => _directory.Path;

    /// <summary>Its directory for runsc.</summary>
    public string PathForRunsc => _directory.PathForOthers;

    /// <summary>What runsc wrote about it.</summary>
    public ImageHeader Header { get; }

    /// <summary>What this shim wrote about it; null where runsc alone made it.</summary>
    public CheckpointRecord? Record { get; }

    /// <summary>Opens the image in a directory, which it takes over.</summary>
    /// <exception cref="CheckpointException">It holds none.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public static CheckpointImage Open(OpenDirectory directory)
    {
        try
        {
            return new CheckpointImage(directory);
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>What is to be restored, and in which order.</summary>
    public RestorePlan Plan() => new(Path, Record?.Containers, Header.ContainerCount, Record is { OrderCounts: true });

    /// <summary>Refuses another runsc than the one that wrote the image, where only that one restores it.</summary>
    /// <param name="version">The runsc at hand.</param>
    /// <exception cref="CheckpointException">It is another.</exception>
    public void RequireRunsc(string version)
    {
        if (Header.RunscVersion is { } writer && writer != version)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"image {Path} was written by runsc {writer}, and only that restores it; this is runsc {version}");
    }

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    /// <summary>Reads what runsc wrote in front of a sandbox's state.</summary>
    /// <exception cref="CheckpointException">It is not that.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    internal static ImageHeader ReadHeader(OpenDirectory directory)
    {
        if (ImageHeader.LengthOfObject(directory.TryReadFile(ImageFiles.State, ImageHeader.PrefixBytes)) is not { } length)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: {ImageFiles.State} is empty, torn or something else than a checkpoint of runsc");
        byte[] start = directory.TryReadFile(ImageFiles.State, ImageHeader.PrefixBytes + length) ?? [];
        return ImageHeader.Parse(start.AsMemory(Math.Min(ImageHeader.PrefixBytes, start.Length)))
            ?? throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: the beginning of {ImageFiles.State} is torn");
    }

    private static CheckpointRecord? ReadRecord(OpenDirectory directory)
    {
        if (directory.TryReadFile(ImageFiles.Record, CheckpointRecord.Limit) is not { } json)
            return null;
        try
        {
            return CheckpointRecord.Parse(json);
        }
        catch (FormatException e)
        {
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: {ImageFiles.Record} cannot be used: {e.Message}", e);
        }
    }
}
