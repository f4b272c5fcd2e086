namespace Linux;

/// <summary>Identifies a file, whatever its path.</summary>
/// <param name="Device">The device of its file system.</param>
/// <param name="Inode">Its inode number there.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>
    /// The file at <paramref name="path"/>, with links followed; null if there is none. Uses what the kernel knows,
    /// without asking a file server.
    /// </summary>
    public static FileIdentity? TryOf(string path)
    {
        try
        {
            FileStatus status = FileStatus.OfKnown(path);
            return new FileIdentity(status.Device, status.Inode);
        }
        catch (LinuxException)
        {
            return null;
        }
    }

    /// <summary>Whether two paths lead to the same file.</summary>
    public static bool AreSame(string path, string other) => TryOf(path) is { } identity && identity == TryOf(other);
}
