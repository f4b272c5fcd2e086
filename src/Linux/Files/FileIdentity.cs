namespace Linux;

/// <summary>Which file it is, whatever path leads to it.</summary>
/// <param name="Device">The device of its file system.</param>
/// <param name="Inode">Its number there.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>
    /// What <paramref name="path"/> leads to, links followed; null where it leads nowhere. A server is not asked for
    /// it: what the kernel knows is enough.
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

    /// <summary>Whether two paths lead to one file.</summary>
    public static bool AreSame(string path, string other) => TryOf(path) is { } identity && identity == TryOf(other);
}
