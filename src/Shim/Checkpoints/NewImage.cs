using Linux;

namespace Shim.Checkpoints;

/// <summary>
/// An image that is being written: in a directory of its own inside the one that was asked for, from which its files
/// are moved when they are whole. So nobody ever finds half an image, and nobody else may read one. Blocks.
/// </summary>
/// <remarks>Whoever makes it disposes it; what was not finished is removed then.</remarks>
internal sealed class NewImage : IDisposable
{
    private const string PartialPrefix = ".incomplete-";
    private const uint OwnerReadWrite = 0x180; // 0600
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path;
    private readonly string? _made;
    private bool _finished;

    private NewImage(string path, string? made, string partial)
    {
        _path = path;
        _made = made;
        PartialPath = partial;
    }

    /// <summary>Where it is written.</summary>
    public string PartialPath { get; }

    /// <summary>Makes room for an image.</summary>
    /// <param name="path">The directory that it is for; made, with those above it, where it is missing.</param>
    /// <exception cref="CheckpointException">The path is not absolute, no directory, not writable, or holds an image.</exception>
    public static NewImage Begin(string path)
    {
        if (!path.StartsWith('/'))
            throw new CheckpointException(CheckpointFault.Invalid,
                $"checkpoint path \"{path}\" is not absolute: the shim's working directory is not the client's");
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
            RemoveMade(made);
            throw new CheckpointException(
                e is LinuxException { Errno: Errno.ENOTDIR } ? CheckpointFault.Invalid : CheckpointFault.DoesNotFit,
                $"checkpoint path {path} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>How many containers are in it; null where runsc does not tell.</summary>
    /// <exception cref="CheckpointException">runsc has not written what is an image.</exception>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public int? CountContainers()
    {
        using OpenDirectory partial = OpenDirectory.TryOpen(PartialPath) ?? throw Gone(PartialPath);
        return CheckpointImage.ReadHeader(partial).ContainerCount;
    }

    /// <summary>Adds the file that the restore needs.</summary>
    /// <exception cref="LinuxException">It cannot be written.</exception>
    public void Add(CheckpointRecord record) =>
        AtomicFile.Replace(System.IO.Path.Join(PartialPath, ImageFiles.Record), record.ToJson().Span);

    /// <summary>Moves the whole image to its place; what makes it one comes last.</summary>
    /// <param name="stateFile">What makes it one.</param>
    /// <exception cref="CheckpointException">Somebody else wrote one there meanwhile, or runsc wrote none.</exception>
    /// <exception cref="LinuxException">It cannot be moved.</exception>
    public void Finish(string stateFile = ImageFiles.State)
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
            partial.ChangeMode(file, OwnerReadWrite);
        int moved = 0;
        try
        {
            for (; moved < files.Count; moved++)
                partial.MoveTo(directory, files[moved]);
        }
        catch
        {
            // The directory gets all or nothing; what is back goes with the rest.
            while (--moved >= 0)
                directory.MoveTo(partial, files[moved]);
            throw;
        }
        _finished = true;
        Directory.Delete(PartialPath);
    }

    /// <summary>Removes what is not finished, and the directories that were made for it.</summary>
    /// <exception cref="LinuxException">Something cannot be removed.</exception>
    public void Dispose()
    {
        if (_finished)
            return;
        DirectoryTree.Delete(PartialPath);
        RemoveMade(_made);
    }

    /// <summary>Removes an image that a shim was writing when it was killed.</summary>
    /// <param name="partialPath">What was its <see cref="PartialPath"/>; anything else is left alone.</param>
    /// <exception cref="LinuxException">Something cannot be removed.</exception>
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
            // Of several the one that says most.
            if (ImageFiles.IsOfImage(entry.Name) && (found is null || entry.Name is ImageFiles.State or ImageFiles.FileSystems))
                found = entry.Name;
            return true;
        });
        if (found is not null)
            throw new CheckpointException(CheckpointFault.Exists,
                $"checkpoint path {directory.Path} holds an image already ({found}); it stays as it is. Name another directory");
    }

    /// <summary>The topmost directory on the way that is not there; null where all are.</summary>
    private static string? FirstMissing(string path)
    {
        string? missing = null;
        for (string? each = path.TrimEnd('/'); each is { Length: > 0 } && !System.IO.Path.Exists(each);
            each = System.IO.Path.GetDirectoryName(each))
            missing = each;
        return missing;
    }

    /// <summary>Only what is empty: another may have put something there meanwhile.</summary>
    private static void RemoveMade(string? made)
    {
        if (made is not null && Directory.Exists(made)
            && Directory.GetFiles(made, "*", SearchOption.AllDirectories).Length == 0)
            DirectoryTree.Delete(made);
    }

    private static CheckpointException Gone(string path) =>
        new(CheckpointFault.DoesNotFit, $"directory {path} is gone, and with it the image");
}
