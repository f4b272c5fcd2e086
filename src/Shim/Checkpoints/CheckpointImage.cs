using Linux;

namespace Shim.Checkpoints;

/// <summary>
/// An image that containers are to be restored from. Its directory stays open, so that runsc reads the image that was
/// checked, even if its path leads elsewhere meanwhile.
/// </summary>
/// <remarks>Reading blocks. The header and the shim's record are read; only runsc knows if the rest is valid.</remarks>
internal sealed class CheckpointImage : IDisposable
{
    private readonly OpenDirectory _directory;

    private CheckpointImage(OpenDirectory directory)
    {
        _directory = directory;
        ImageDirectory.RequireImage(directory, ImageFiles.State, "runsc checkpoint writes it");
        Header = ReadHeader(directory);
        Record = ReadRecord(directory);
        if (Record is { } record && Header.ContainerCount is { } count && count != record.Containers.Count)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {Path}: {ImageFiles.Record} names {record.Containers.Count} containers and {ImageFiles.State} "
                + $"holds {count}: they are from different checkpoints");
    }

    /// <summary>Its directory, as the request named it.</summary>
    public string Path => _directory.Path;

    /// <summary>The path by which runsc reads the open directory.</summary>
    public string PathForRunsc => _directory.PathForOthers;

    /// <summary>runsc's header.</summary>
    public ImageHeader Header { get; }

    /// <summary>The shim's record; null if the image was written without the shim.</summary>
    public CheckpointRecord? Record { get; }

    /// <summary>Opens the image in a directory, and takes ownership of that.</summary>
    /// <exception cref="CheckpointException">The directory does not hold a valid image.</exception>
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

    /// <summary>A plan for the restore of its containers.</summary>
    public RestorePlan Plan() => new(Path, Record?.Containers, Header.ContainerCount, Record is { IsOrdered: true });

    /// <summary>Rejects an installed runsc that is not the one that the image requires.</summary>
    /// <param name="version">The version of the installed runsc.</param>
    /// <exception cref="CheckpointException">The image can be restored only by another version.</exception>
    public void RequireRunsc(string version)
    {
        if (Header.RunscVersion is { } writer && writer != version)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"image {Path} cannot be restored by runsc {version}: it was written by runsc {writer.Short()}, and "
                + "only that version can restore it");
    }

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    /// <summary>Reads runsc's header.</summary>
    /// <exception cref="CheckpointException">It is not valid.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    internal static ImageHeader ReadHeader(OpenDirectory directory)
    {
        byte[]? prefix = directory.TryReadFile(ImageFiles.State, ImageHeader.PrefixBytes);
        if (ImageHeader.LengthOfObject(prefix) is not { } length)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: {ImageFiles.State} is empty, truncated or not a checkpoint of runsc");
        byte[] start = directory.TryReadFile(ImageFiles.State, ImageHeader.PrefixBytes + length) ?? [];
        return ImageHeader.Parse(start.AsSpan(Math.Min(ImageHeader.PrefixBytes, start.Length)))
            ?? throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: the header of {ImageFiles.State} is truncated or damaged");
    }

    /// <summary>Reads the shim's record; null if there is none.</summary>
    /// <exception cref="CheckpointException">It is not valid.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    internal static CheckpointRecord? ReadRecord(OpenDirectory directory)
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
                $"image {directory.Path}: {ImageFiles.Record} cannot be used: {e.Message.Short()}", e);
        }
    }
}
