using Linux;

namespace Shim.Checkpoints;

/// <summary>Opens the directories of images. Blocks.</summary>
internal static class ImageDirectory
{
    /// <summary>Opens a directory that a client of containerd named; it may name any.</summary>
    /// <exception cref="CheckpointException">The directory does not exist, or cannot be opened.</exception>
    public static OpenDirectory Open(string path)
    {
        RequireAbsolute(path);
        return Open(path, () => OpenDirectory.TryOpen(path));
    }

    /// <summary>
    /// Opens a directory that a pod's annotation named. It must be below the one that the node's administrator allows,
    /// and no link below that one is followed.
    /// </summary>
    /// <param name="annotation">The annotation's name, for messages.</param>
    /// <param name="path">The annotation's value.</param>
    /// <param name="root">The directory that the configuration allows.</param>
    /// <exception cref="CheckpointException">
    /// The directory is not allowed, does not exist, or cannot be opened.
    /// </exception>
    public static OpenDirectory OpenAllowed(string annotation, string path, AllowedRoot root)
    {
        if (root.Path is not { } allowedPath)
            throw Rejected(annotation, path, root.WhyNone);
        string allowed = allowedPath.TrimEnd('/');
        if (!path.StartsWith('/') || !path.StartsWith(allowed, StringComparison.Ordinal)
            || path.Length <= allowed.Length + 1 || path[allowed.Length] != '/')
            throw Rejected(annotation, path, $"it is not below {root.Key} {allowedPath}");
        try
        {
            return Open(path, () => OpenDirectory.TryOpenBelow(allowedPath, path[allowed.Length..]));
        }
        catch (CheckpointException e) when (e.InnerException is LinuxException
        {
            Errno: Errno.ENOTDIR or Errno.ELOOP or Errno.EINVAL,
        })
        {
            throw Rejected(annotation, path, $"below {root.Key} {allowedPath} it must be a plain path of directories, "
                + $"without links and without \"..\" ({e.Message})");
        }
    }

    /// <summary>
    /// Rejects a directory without an image, and one with files that are not regular files or that others than root
    /// could change after they were checked.
    /// </summary>
    /// <param name="directory">The directory.</param>
    /// <param name="needed">The file without which there is no image.</param>
    /// <param name="hint">Where that file comes from, for messages.</param>
    /// <exception cref="CheckpointException">It does not hold an image.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public static void RequireImage(OpenDirectory directory, string needed, string hint)
    {
        bool found = false;
        string? odd = null;
        List<string> files = [];
        directory.List(entry =>
        {
            found |= entry.Name == needed;
            if (ImageFiles.IsOfImage(entry.Name) || entry.Name == ImageFiles.Record)
            {
                files.Add(entry.Name);
                if (!entry.IsRegular)
                    odd = entry.Name;
            }
            return true;
        });
        if (!found)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"{directory.Path} holds no image (no file {needed}: {hint})");
        if (odd is not null)
            throw new CheckpointException(CheckpointFault.Invalid,
                $"image {directory.Path}: {odd} is not a regular file");
        RequireSafe(directory);
        foreach (string file in files)
            if (directory.FileChangeableBy(file) is { } who)
                throw Unsafe(System.IO.Path.Join(directory.Path, file), who);
    }

    /// <summary>Rejects a directory in which others than root could exchange files.</summary>
    /// <exception cref="CheckpointException">Others could.</exception>
    public static void RequireSafe(OpenDirectory directory)
    {
        if (directory.ChangeableBy is { } who)
            throw Unsafe(directory.Path, who);
    }

    /// <summary>Rejects a path of a client's that does not begin with a slash.</summary>
    /// <exception cref="CheckpointException">It does not.</exception>
    public static void RequireAbsolute(string path)
    {
        if (!path.StartsWith('/'))
            throw new CheckpointException(CheckpointFault.Invalid,
                $"checkpoint path \"{path.Short()}\" is not absolute: the shim's working directory is not the "
                + "client's");
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

    private static CheckpointException Unsafe(string path, string who) => new(CheckpointFault.Invalid,
        $"{path.Short()} is not safe to use: {who} can change it; images and their directories must be root's and "
        + "writable by root only");

    private static CheckpointException Rejected(string annotation, string path, string why) =>
        new(CheckpointFault.Invalid, $"annotation {annotation.Short()}=\"{path.Short()}\" is rejected: {why}");
}
