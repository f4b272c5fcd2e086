using System.Text;

namespace Linux;

/// <summary>The status of a file (statx(2)).</summary>
/// <param name="Kind">The kind of file.</param>
/// <param name="Device">The device of its file system.</param>
/// <param name="Inode">Its inode number there.</param>
/// <param name="Mode">Permissions, including the set-id and sticky bits.</param>
/// <param name="Uid">Its owner.</param>
/// <param name="Gid">Its group.</param>
/// <param name="IsMountRoot">Whether something is mounted there; always false before Linux 5.8.</param>
/// <param name="Size">Its size in bytes.</param>
internal readonly record struct FileStatus(
    FileKind Kind, ulong Device, ulong Inode, uint Mode, uint Uid, uint Gid, bool IsMountRoot,
    long Size)
{
    private const int PermissionsMask = 0xfff;
    private const int KindMask = 0xf000;

    /// <exception cref="LinuxException">The file does not exist, or its status cannot be read.</exception>
    internal static FileStatus Of(string path) => Read(Libc.AT_FDCWD, path, 0, path);

    /// <summary>The status as the kernel knows it, without asking a file server and without mounting on
    /// demand.</summary>
    internal static FileStatus OfKnown(string path) =>
        Read(Libc.AT_FDCWD, path, Libc.AT_STATX_DONT_SYNC | Libc.AT_NO_AUTOMOUNT, path);

    internal static FileStatus Of(Descriptor descriptor) =>
        Read(descriptor.Fd, "", Libc.AT_EMPTY_PATH, descriptor.ToString());

    /// <summary>The status of a directory entry; links are not followed.</summary>
    internal static FileStatus OfEntry(Descriptor directory, string name) =>
        Read(directory.Fd, name, Libc.AT_SYMLINK_NOFOLLOW, name);

    private static unsafe FileStatus Read(int directory, string path, int flags, string target)
    {
        Libc.StatxBuffer status;
        LinuxException.ThrowIfFailed(Libc.statx(directory, path, flags, Libc.STATX_BASIC_STATS, &status), "statx",
            target);
        return new FileStatus(
            (FileKind)(status.stx_mode & KindMask),
            ((ulong)status.stx_dev_major << 32) | status.stx_dev_minor,
            status.stx_ino,
            status.stx_mode & (uint)PermissionsMask,
            status.stx_uid,
            status.stx_gid,
            (status.stx_attributes & Libc.STATX_ATTR_MOUNT_ROOT) != 0,
            (long)status.stx_size);
    }

    /// <summary>The path of the file that a descriptor refers to, with all links resolved.</summary>
    /// <exception cref="LinuxException">The path cannot be read.</exception>
    internal static unsafe string PathOf(Descriptor descriptor)
    {
        const int MaxPath = 4096;
        byte* buffer = stackalloc byte[MaxPath];
        int length = (int)Libc.readlink(descriptor.ProcPath, buffer, MaxPath);
        LinuxException.ThrowIfFailed(length, "readlink", descriptor.ToString());
        return Encoding.UTF8.GetString(buffer, length);
    }
}
