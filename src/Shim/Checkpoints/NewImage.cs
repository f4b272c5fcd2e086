using Linux;

namespace Shim.Checkpoints;

/// <summary>
/// An image that is being written: to a private directory inside the requested one, from which its files are moved when
/// they are complete. So an incomplete image is never found, and nobody else may read one. Blocks.
/// </summary>
/// <remarks>
/// The caller of <see cref="Begin"/> disposes it, which removes an image that was not finished. It may do so while
/// another thread finishes it and takes too long: then it waits.
/// </remarks>
internal sealed class NewImage : IDisposable
{
    private const string PartialPrefix = ".incomplete-";
    private const uint OwnerReadWrite = 0x180; // 0600
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path;
    private readonly string? _made;
    private readonly List<string> _moved = [];
    private readonly Lock _gate = new();
    private bool _finished;

    private NewImage(string path, string? made, string partial)
    {
        _path = path;
        _made = made;
        PartialPath = partial;
    }

    /// <summary>The private directory that it is written to.</summary>
    public string PartialPath { get; }

    /// <summary>Creates the directories for an image.</summary>
    /// <param name="path">The directory for the image; created, with missing ones above it, if it is missing.</param>
    /// <exception cref="CheckpointException">
    /// The path is not absolute, not a directory or not writable, or it already holds an image.
    /// </exception>
    public static NewImage Begin(string path)
    {
        ImageDirectory.RequireAbsolute(path);
        string? made = null;
        try
        {
            made = FirstMissing(path);
            if (made is not null)
                Directory.CreateDirectory(path, OwnerOnly);
            using (OpenDirectory directory = OpenDirectory.TryOpen(path)
                ?? throw new CheckpointException(CheckpointFault.Invalid, $"checkpoint path {path} is gone"))
                RequireNoImage(directory);
            return new NewImage(path, made, PrivateDirectory.Create(path, PartialPrefix));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RemoveMade(path, made);
            throw new CheckpointException(
                e is LinuxException { Errno: Errno.ENOTDIR } ? CheckpointFault.Invalid : CheckpointFault.DoesNotFit,
                $"checkpoint path {path} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>The number of containers in it; null if runsc does not give it.</summary>
    /// <exception cref="CheckpointException">What runsc wrote is not an image.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public int? CountContainers()
    {
        using OpenDirectory partial = OpenDirectory.TryOpen(PartialPath) ?? throw Gone(PartialPath);
        return CheckpointImage.ReadHeader(partial).ContainerCount;
    }

    /// <summary>Adds the shim's record.</summary>
    /// <exception cref="LinuxException">It cannot be written.</exception>
    public void Add(CheckpointRecord record) =>
        AtomicFile.Replace(System.IO.Path.Join(PartialPath, ImageFiles.Record), record.ToJson().Span);

    /// <summary>Moves the complete image to its directory.</summary>
    /// <param name="stateFile">The file that makes it an image; it is moved last.</param>
    /// <param name="progress">Called with every piece that is on the disk.</param>
    /// <exception cref="CheckpointException">The directory holds another image by now, or is gone.</exception>
    /// <exception cref="LinuxException">A file is missing, or cannot be moved.</exception>
    public void Finish(string stateFile = ImageFiles.State, Action? progress = null)
    {
        lock (_gate)
            MoveAll(stateFile, progress);
    }

    private void MoveAll(string stateFile, Action? progress)
    {
        using OpenDirectory partial = OpenDirectory.TryOpen(PartialPath) ?? throw Gone(PartialPath);
        using OpenDirectory directory = OpenDirectory.TryOpen(_path) ?? throw Gone(_path);
        RequireNoImage(directory);
        List<string> files = [];
        partial.List(entry =>
        {
            if (entry.Name != stateFile)
                files.Add(entry.Name);
            return true;
        });
        files.Add(stateFile);
        foreach (string file in files)
        {
            partial.ChangeMode(file, OwnerReadWrite);
            partial.Sync(file, progress);
        }
        foreach (string file in files)
        {
            partial.MoveTo(directory, file);
            _moved.Add(file);
        }
        directory.Sync();
        SyncMade();
        _finished = true;
    }

    /// <summary>Removes the image also if it is finished: its writer has given up waiting for that.</summary>
    /// <exception cref="LinuxException">A file cannot be removed.</exception>
    public void Remove()
    {
        lock (_gate)
        {
            _finished = false;
            Dispose();
        }
    }

    /// <summary>
    /// Removes the private directory, and if the image is not finished also what was moved from it and the directories
    /// that were created for it.
    /// </summary>
    /// <exception cref="LinuxException">A file cannot be removed.</exception>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_finished)
                RemoveMoved();
            DirectoryTree.Delete(PartialPath);
            if (!_finished)
                RemoveMade(_path, _made);
        }
    }

    /// <summary>Removes the files that were moved; the file that makes them an image first.</summary>
    private void RemoveMoved()
    {
        if (_moved.Count == 0)
            return;
        using OpenDirectory? directory = OpenDirectory.TryOpen(_path);
        for (int i = _moved.Count - 1; i >= 0; i--)
            directory?.Unlink(_moved[i]);
        _moved.Clear();
    }

    /// <summary>Removes an image that a shim was writing when it was killed.</summary>
    /// <param name="partialPath">Its <see cref="PartialPath"/>; other directories are not removed.</param>
    /// <exception cref="LinuxException">A file cannot be removed.</exception>
    public static void RemovePartial(string partialPath)
    {
        if (System.IO.Path.GetFileName(partialPath.AsSpan()).StartsWith(PartialPrefix, StringComparison.Ordinal))
            DirectoryTree.Delete(partialPath);
    }

    private static void RequireNoImage(OpenDirectory directory)
    {
        string? found = null;
        directory.List(entry =>
        {
            // The file that tells most is named.
            if (ImageFiles.IsOfImage(entry.Name)
                && (found is null || entry.Name is ImageFiles.State or ImageFiles.FileSystems))
                found = entry.Name;
            return true;
        });
        if (found is not null)
            throw new CheckpointException(CheckpointFault.Exists,
                $"checkpoint path {directory.Path} already holds an image ({found}), which is not overwritten; "
                + "name another directory");
    }

    /// <summary>The topmost missing directory of the path; null if none is missing.</summary>
    private static string? FirstMissing(string path)
    {
        string? missing = null;
        for (string? each = path.TrimEnd('/'); each is { Length: > 0 } && !System.IO.Path.Exists(each);
            each = System.IO.Path.GetDirectoryName(each))
            missing = each;
        return missing;
    }

    /// <summary>The directories that were created, from the lowest to the topmost.</summary>
    private static IEnumerable<string> Made(string path, string? topmost)
    {
        if (topmost is null)
            yield break;
        for (string each = path.TrimEnd('/'); each.Length >= topmost.Length;
            each = System.IO.Path.GetDirectoryName(each)!)
            yield return each;
    }

    /// <summary>Brings the entries of the created directories to the disk: each is in the one above it.</summary>
    /// <exception cref="LinuxException">One cannot be opened or written.</exception>
    private void SyncMade()
    {
        foreach (string each in Made(_path, _made))
        {
            using OpenDirectory? above = OpenDirectory.TryOpen(System.IO.Path.GetDirectoryName(each)!);
            above?.Sync();
        }
    }

    /// <summary>
    /// Removes the created directories, from the lowest to the topmost, up to one in which something is: a file, or an
    /// image that is being written to another directory below it.
    /// </summary>
    private static void RemoveMade(string path, string? topmost)
    {
        foreach (string each in Made(path, topmost))
            if (!TryRemoveEmpty(each))
                return;
    }

    private static bool TryRemoveEmpty(string directory)
    {
        try
        {
            Directory.Delete(directory);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            return false; // something is in it
        }
    }

    private static CheckpointException Gone(string path) =>
        new(CheckpointFault.DoesNotFit, $"directory {path} of the image is gone");
}
