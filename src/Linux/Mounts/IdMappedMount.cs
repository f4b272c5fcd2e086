using System.Runtime.InteropServices;

namespace Linux;

/// <summary>Mounts a directory so that the owners of its files appear as others (mount_setattr(2)).</summary>
internal static unsafe class IdMappedMount
{
    /// <summary>Mounts a tree on a directory.</summary>
    /// <param name="source">The directory that is the tree's root, with everything that is mounted below it.</param>
    /// <param name="mapping">The ids.</param>
    /// <param name="target">The directory on which it is mounted.</param>
    /// <param name="isReadOnly">Whether nothing may be written through it.</param>
    /// <exception cref="LinuxException">
    /// EINVAL: one of the file systems cannot do it. ENOSYS: the kernel is older than 5.12.
    /// </exception>
    internal static void Mount(string source, IdMapping mapping, Descriptor target, bool isReadOnly)
    {
        using Descriptor ids = UserNamespace.Create(mapping.Uids, mapping.Gids);
        int opened = (int)Libc.open_tree(Libc.SYS_open_tree, Libc.AT_FDCWD, source,
            Libc.OPEN_TREE_CLONE | Libc.OPEN_TREE_CLOEXEC | Libc.AT_RECURSIVE);
        LinuxException.ThrowIfFailed(opened, "open_tree", source);
        using Descriptor tree = new(opened);
        var attributes = new Libc.mount_attr
        {
            attr_set = Libc.MOUNT_ATTR_IDMAP | (isReadOnly ? Libc.MOUNT_ATTR_RDONLY : 0),
            propagation = (ulong)MountFlags.MS_PRIVATE,
            userns_fd = (ulong)ids.Fd,
        };
        if (Libc.mount_setattr(Libc.SYS_mount_setattr, tree.Fd, "", Libc.AT_EMPTY_PATH | Libc.AT_RECURSIVE, &attributes,
            sizeof(Libc.mount_attr)) < 0)
        {
            Errno errno = LinuxException.LastErrno;
            string why = errno switch
            {
                Errno.EINVAL => "its file system, or one mounted below it, cannot be mounted with other ids",
                Errno.ENOSYS => "mounts with other ids need Linux 5.12",
                _ => Marshal.GetPInvokeErrorMessage((int)errno),
            };
            throw new LinuxException(errno, "mount_setattr", source, why);
        }
        nint moved = Libc.move_mount(Libc.SYS_move_mount, tree.Fd, "", Libc.AT_FDCWD, target.ProcPath,
            Libc.MOVE_MOUNT_F_EMPTY_PATH | Libc.MOVE_MOUNT_T_SYMLINKS);
        LinuxException.ThrowIfFailed((int)moved, "move_mount", target.ProcPath);
    }
}
