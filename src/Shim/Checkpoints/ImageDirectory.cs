using Linux;

namespace Shim.Checkpoints;

/// <summary>Opens the directories of images. Blocks.</summary>
internal static class ImageDirectory
{
    /// <summary>Opens a directory that a client of containerd named; it may name any.</summary>
    /// <exception cref="CheckpointException">The directory does not exist, or cannot be opened.</exception>
    public static OpenDirectory Open(string path)
    {
        if (!path.StartsWith('/'))
            throw new CheckpointException(CheckpointFault.Invalid,
                $"checkpoint path \"{path.Short()}\" is not absolute: the shim's working directory is not the client's");
        return Open(path, () => OpenDirectory.TryOpen(path));
    }

    /// <summary>
    /// Opens a directory that a pod's annotation named. It must be below the one that the node's administrator allows,
    /// and no link below that one is followed.
    /// </summary>
    /// <param name="annotation">The annotation's name, for messages.</param>
    /// <param name="path">The annotation's value.</param>
    /// <param name="root">The directory that the configuration allows; empty if it allows none.</param>
    /// <exception cref="CheckpointException">
    /// The directory is not allowed, does not exist, or cannot be opened.
    /// </exception>
    public static OpenDirectory OpenAllowed(string annotation, string path, string root)
    {
        if (root.Length == 0)
            throw Rejected(annotation, path, "the shim's configuration has no restore_root that allows it");
        string allowed = root.TrimEnd('/');
        if (!path.StartsWith('/') || !path.StartsWith(allowed, StringComparison.Ordinal)
            || path.Length <= allowed.Length + 1 || path[allowed.Length] != '/')
            throw Rejected(annotation, path, $"it is not below restore_root {root}");
        try
        {
            return Open(path, () => OpenDirectory.TryOpenBelow(root, path[allowed.Length..]));
        }
        catch (CheckpointException e) when (e.InnerException is LinuxException
        {
            Errno: Errno.ENOTDIR or Errno.ELOOP or Errno.EINVAL,
        })
        {
            throw Rejected(annotation, path, $"below restore_root {root} it must be a plain path of directories, "
                + $"without links and without \"..\" ({e.Message})");
        }
    }

    /// <summary>Rejects a directory without an image, and one whose files are not regular files.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="needed">The file without which there is no image.</param>
    /// <param name="hint">Where that file comes from, for messages.</param>
    /// <exception cref="CheckpointException">It does not hold an image.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public static void RequirePlainFiles(OpenDirectory directory, string needed, string hint)
    {
        bool found = false;
        string? odd = null;
        directory.List(entry =>
        {
            found |= entry.Name == needed;
            if (!entry.IsRegular && (ImageFiles.IsOfImage(entry.Name) || entry.Name == ImageFiles.Record))
                odd = entry.Name;
            return true;
        });
        if (!found)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"{directory.Path} holds no image (no file {needed}: {hint})");
        if (odd is not null)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: {odd} is not a regular file");
    }

    private static OpenDirectory Open(string path, Func<OpenDirectory?> open)
    {
        try
        {
            return open()
                ?? throw new CheckpointException(CheckpointFault.Invalid, $"directory {path.Short()} does not exist");
        }
        catch (LinuxException e)
        {
            throw new CheckpointException(
                CheckpointFault.Invalid, $"directory {path.Short()} cannot be opened: {e.Message.Short()}", e);
        }
    }

    private static CheckpointException Rejected(string annotation, string path, string why) =>
        new(CheckpointFault.Invalid, $"annotation {annotation}=\"{path.Short()}\" is rejected: {why}");
}
