using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Linux;

/// <summary>
/// An open directory, reached step by step from a trusted one: no step below the first follows a link, and it stays the
/// same directory whatever happens to its name. Blocks.
/// </summary>
public sealed unsafe class OpenDirectory : IDisposable
{
    private const int BufferBytes = 4096;
    private const long SyncBytes = 64 << 20;
    private const long TmpfsMagic = 0x01021994;
    private const long RamfsMagic = 0x858458f6;
    private const long HugetlbfsMagic = 0x958458f6;

    private readonly Descriptor _descriptor;
    private readonly FileStatus _status;

    private OpenDirectory(Descriptor descriptor, string path)
    {
        _descriptor = descriptor;
        Path = path;
        _status = FileStatus.Of(descriptor);
    }

    /// <summary>The path by which it was reached.</summary>
    public string Path { get; }

    /// <summary>Permissions, including the set-id and sticky bits.</summary>
    public uint Mode => _status.Mode;

    /// <summary>Its owner.</summary>
    public uint Uid => _status.Uid;

    /// <summary>Its group.</summary>
    public uint Gid => _status.Gid;

    /// <summary>Its path with all links resolved.</summary>
    /// <exception cref="LinuxException">The path cannot be read.</exception>
    public string ResolvedPath => FileStatus.PathOf(_descriptor);

    /// <summary>
    /// A path by which other processes of the same user reach this very directory, whatever happens to its name. Valid
    /// while it is open.
    /// </summary>
    public string PathForOthers => $"/proc/{Environment.ProcessId}/fd/{_descriptor.Fd}";

    /// <summary>Whether its file system keeps its files in memory (tmpfs, ramfs, hugetlbfs).</summary>
    /// <exception cref="LinuxException">The file system's type cannot be read.</exception>
    public bool IsInMemory => FileSystem.f_type is TmpfsMagic or RamfsMagic or HugetlbfsMagic;

    /// <summary>The size of its file system in bytes, if that is a tmpfs with a limit; else null.</summary>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    public ulong? SizeInMemory =>
        FileSystem is { f_type: TmpfsMagic, f_blocks: > 0 } tmpfs ? tmpfs.f_blocks * (ulong)tmpfs.f_bsize : null;

    /// <summary>Opens a directory; links in <paramref name="path"/> are followed. Null if it does not exist.</summary>
    /// <exception cref="LinuxException">It cannot be opened; ENOTDIR: not a directory.</exception>
    public static OpenDirectory? TryOpen(string path) =>
        Try(() => Descriptor.Open(path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), path);

    /// <summary>Opens a directory in this one. Null if the name does not exist.</summary>
    /// <exception cref="LinuxException">ENOTDIR: a link, or not a directory.</exception>
    public OpenDirectory? TryOpenIn(string name)
    {
        RequireName(name);
        return Try(() => _descriptor.OpenAt(name, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW),
            System.IO.Path.Join(Path, name));
    }

    /// <summary>
    /// Opens a directory below <paramref name="root"/>: links in the root's own path are followed, none below it. Null
    /// if it does not exist.
    /// </summary>
    /// <param name="root">The directory to stay in.</param>
    /// <param name="path">Names below it, separated by slashes.</param>
    /// <exception cref="LinuxException">EINVAL: the path contains <c>..</c>. ENOTDIR: a component is a link, or not a
    /// directory.</exception>
    public static OpenDirectory? TryOpenBelow(string root, string path)
    {
        List<string> names = PathParts.ComponentsInside(path, "open");
        OpenDirectory? directory = TryOpen(root);
        foreach (string name in names)
        {
            if (directory is null)
                break;
            using OpenDirectory above = directory;
            directory = above.TryOpenIn(name);
        }
        return directory;
    }

    /// <summary>Reads the beginning of a regular file in this directory. Null if the name does not exist.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="limit">The maximum number of bytes read.</param>
    /// <exception cref="LinuxException">The file cannot be read; EINVAL: a link, or not a regular file.</exception>
    public byte[]? TryReadFile(string name, int limit)
    {
        RequireName(name);
        string path = System.IO.Path.Join(Path, name);
        try
        {
            if (FileStatus.OfEntry(_descriptor, name).Kind != FileKind.Regular)
                throw new LinuxException(Errno.EINVAL, "open", path, "not a regular file");
            using Descriptor file = OpenFile(name);
            return MemoryFile.Read(file, limit);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
    }

    /// <summary>Moves an entry of this directory into another one on the same file system, replacing its namesake
    /// there.</summary>
    /// <exception cref="LinuxException">It cannot be moved.</exception>
    public void MoveTo(OpenDirectory to, string name)
    {
        RequireName(name);
        LinuxException.ThrowIfFailed(Libc.renameat(_descriptor, name, to._descriptor, name), "rename",
            System.IO.Path.Join(to.Path, name));
    }

    /// <summary>Sets the permissions of a regular file in this directory.</summary>
    /// <exception cref="LinuxException">The file does not exist, or is a link.</exception>
    public void ChangeMode(string name, uint mode)
    {
        RequireName(name);
        using Descriptor file = OpenFile(name);
        LinuxException.ThrowIfFailed(Libc.fchmod(file, mode), "fchmod", System.IO.Path.Join(Path, name));
    }

    /// <summary>Writes a regular file in this directory to its disk.</summary>
    /// <param name="name">The file's name.</param>
    /// <param name="progress">Called with every 64 MiB.</param>
    /// <exception cref="LinuxException">The file does not exist or is a link, or it cannot be written.</exception>
    public void Sync(string name, Action? progress = null)
    {
        RequireName(name);
        using Descriptor file = OpenFile(name);
        // Piece by piece only to tell that it goes on; a file system that cannot do that says so below, or not at all.
        for (long offset = 0, size = FileStatus.Of(file).Size; offset < size; offset += SyncBytes)
        {
            _ = Libc.sync_file_range(file, offset, SyncBytes, Libc.SYNC_FILE_RANGE_WAIT_BEFORE_WRITE_AND_AFTER);
            progress?.Invoke();
        }
        LinuxException.ThrowIfFailed(Libc.fsync(file), "fsync", System.IO.Path.Join(Path, name));
        progress?.Invoke();
    }

    /// <summary>Writes the names in this directory to its disk.</summary>
    /// <exception cref="LinuxException">They cannot be written.</exception>
    public void Sync()
    {
        using Descriptor directory = _descriptor.OpenAt(".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        // EINVAL: the file system, such as one of a server, has nothing to write.
        if (Libc.fsync(directory) != 0 && LinuxException.LastErrno != Errno.EINVAL)
            LinuxException.ThrowLast("fsync", Path);
    }

    /// <summary>Who but root may change this directory, for messages; null if nobody.</summary>
    public string? ChangeableBy => WhoChanges(_status);

    /// <summary>Who but root may change a file in this directory, for messages; null if nobody.</summary>
    /// <exception cref="LinuxException">The file does not exist.</exception>
    public string? FileChangeableBy(string name)
    {
        RequireName(name);
        return WhoChanges(FileStatus.OfEntry(_descriptor, name));
    }

    /// <summary>Lists the entries, in no order, until <paramref name="each"/> returns false.</summary>
    /// <exception cref="LinuxException">The directory cannot be read.</exception>
    public void List(Func<DirectoryEntry, bool> each)
    {
        using Descriptor reader = _descriptor.OpenAt(".", OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            fixed (byte* start = buffer)
            {
                int length;
                while ((length = (int)Libc.getdents64(reader, start, (nuint)buffer.Length)) > 0)
                    if (!ListPart(start, start + length, each))
                        return;
                LinuxException.ThrowIfFailed(length, "getdents64", Path);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Removes a file or link in this directory.</summary>
    /// <returns>False if the name does not exist.</returns>
    /// <exception cref="LinuxException">It cannot be removed; EISDIR: a directory.</exception>
    public bool Unlink(string name)
    {
        RequireName(name);
        if (Libc.unlinkat(_descriptor, name, 0) == 0)
            return true;
        if (LinuxException.LastErrno != Errno.ENOENT)
            LinuxException.ThrowLast("unlink", System.IO.Path.Join(Path, name));
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private Libc.StatfsBuffer FileSystem
    {
        get
        {
            Libc.StatfsBuffer buffer;
            LinuxException.ThrowIfFailed(Libc.fstatfs(_descriptor, &buffer), "fstatfs", Path);
            return buffer;
        }
    }

    private bool ListPart(byte* entry, byte* end, Func<DirectoryEntry, bool> each)
    {
        for (; entry < end; entry += Unsafe.ReadUnaligned<ushort>(entry + Libc.DirentLengthOffset))
        {
            string name = Encoding.UTF8.GetString(
                MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + Libc.DirentNameOffset));
            if (name is "." or "..")
                continue;
            byte type = entry[Libc.DirentTypeOffset];
            if (!each(new DirectoryEntry(name, Is(name, type, Libc.DT_DIR, FileKind.Directory),
                Is(name, type, Libc.DT_REG, FileKind.Regular))))
                return false;
        }
        return true;
    }

    // Some file systems do not list types.
    private bool Is(string name, byte type, byte wanted, FileKind kind) =>
        type != Libc.DT_UNKNOWN ? type == wanted : FileStatus.OfEntry(_descriptor, name).Kind == kind;

    // O_NONBLOCK: opening a FIFO must not wait.
    private Descriptor OpenFile(string name) =>
        _descriptor.OpenAt(name, OpenFlags.O_RDONLY | OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK);

    private static OpenDirectory? Try(Func<Descriptor> open, string path)
    {
        Descriptor descriptor;
        try
        {
            descriptor = open();
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return null;
        }
        try
        {
            return new OpenDirectory(descriptor, path);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    private static string? WhoChanges(FileStatus status)
    {
        const uint GroupWrite = 0x10, OthersWrite = 0x2;
        return status.Uid != 0 ? $"its owner, user {status.Uid}"
            : (status.Mode & OthersWrite) != 0 ? "everybody"
            : (status.Mode & GroupWrite) != 0 ? $"group {status.Gid}"
            : null;
    }

    private static void RequireName(string name)
    {
        if (name is "" or "." or ".." || name.Contains('/'))
            throw new ArgumentException($"\"{name}\" is not the name of a directory entry", nameof(name));
    }
}
