using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Linux;

/// <summary>
/// Deletes a directory with its content, and nothing else: every step is relative to the open directory above it, no
/// link is followed, and no mounted file system is entered (a root file system that failed to unmount must not be
/// emptied). Blocks; on the loop, call it through <see cref="EventLoop.RunBlocking"/>.
/// </summary>
public static unsafe class DirectoryTree
{
    // One descriptor and one buffer for each level.
    private const int MaxDepth = 64;
    private const int BufferBytes = 4096;
    // A file system may skip entries while others are deleted. A directory that another process keeps filling fails.
    private const int MaxPasses = 4;

    /// <summary>Deletes a file or directory, if it exists.</summary>
    /// <exception cref="LinuxException">EBUSY: something is mounted in it. ELOOP: deeper than 64 levels. What has
    /// been deleted until then stays deleted.</exception>
    public static void Delete(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        (string parent, string name) = PathParts.Split(path);
        if (name is "" or "." or "..")
            throw new ArgumentException($"{path} cannot be deleted", nameof(path));
        Descriptor directory;
        try
        {
            directory = Descriptor.Open(parent, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return;
        }
        byte[] nameBytes = Encoding.UTF8.GetBytes(name + '\0');
        using (directory)
        {
            fixed (byte* first = nameBytes)
                DeleteEntry(directory, first, Libc.DT_UNKNOWN, parent, FileStatus.Of(directory).Device, 0);
        }
    }

    /// <param name="parent">The open directory above.</param>
    /// <param name="name">The entry, as the kernel has it: bytes and a NUL.</param>
    /// <param name="type">Its d_type.</param>
    /// <param name="parentPath">The directory's path, for messages.</param>
    /// <param name="device">The device to stay on.</param>
    /// <param name="depth">The number of open directories above.</param>
    private static void DeleteEntry(Descriptor parent, byte* name, byte type, string parentPath, ulong device,
        int depth)
    {
        if (type != Libc.DT_DIR)
        {
            if (Libc.unlinkat(parent, name, 0) == 0 || LinuxException.LastErrno == Errno.ENOENT)
                return;
            // For a directory Linux returns EISDIR and POSIX EPERM. EBUSY means that something is mounted on the file.
            if (LinuxException.LastErrno is not (Errno.EISDIR or Errno.EPERM))
                LinuxException.ThrowLast("unlink", Join(parentPath, name));
        }
        string path = Join(parentPath, name);
        if (depth == MaxDepth)
            throw new LinuxException(Errno.ELOOP, "delete", path, $"nested deeper than {MaxDepth} directories");
        for (int pass = 1; ; pass++)
        {
            if (!Empty(parent, name, path, device, depth))
                return;
            if (Libc.unlinkat(parent, name, Libc.AT_REMOVEDIR) == 0 || LinuxException.LastErrno == Errno.ENOENT)
                return;
            if (LinuxException.LastErrno != Errno.ENOTEMPTY || pass == MaxPasses)
                LinuxException.ThrowLast("rmdir", path);
        }
    }

    /// <returns>False if the directory is gone.</returns>
    private static bool Empty(Descriptor parent, byte* name, string path, ulong device, int depth)
    {
        const OpenFlags Flags = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
        int fd = Libc.openat(parent, name, Flags.ToNative(), 0);
        if (fd < 0 && LinuxException.LastErrno == Errno.ENOENT)
            return false;
        using Descriptor directory = new(LinuxException.ThrowIfFailed(fd, "open", path));
        FileStatus status = FileStatus.Of(directory);
        if (status.IsMountRoot || status.Device != device)
            throw new LinuxException(Errno.EBUSY, "delete", path, "something is mounted there");
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            fixed (byte* start = buffer)
            {
                int length;
                while ((length = (int)Libc.getdents64(directory, start, (nuint)buffer.Length)) > 0)
                    DeleteEntries(directory, start, start + length, path, device, depth);
                LinuxException.ThrowIfFailed(length, "getdents64", path);
            }
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void DeleteEntries(Descriptor directory, byte* entry, byte* end, string path, ulong device,
        int depth)
    {
        for (; entry < end; entry += Unsafe.ReadUnaligned<ushort>(entry + Libc.DirentLengthOffset))
        {
            byte* name = entry + Libc.DirentNameOffset;
            ReadOnlySpan<byte> bytes = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
            if (!bytes.SequenceEqual("."u8) && !bytes.SequenceEqual(".."u8))
                DeleteEntry(directory, name, entry[Libc.DirentTypeOffset], path, device, depth + 1);
        }
    }

    private static string Join(string parent, byte* name) =>
        $"{parent.TrimEnd('/')}/{Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name))}";
}
