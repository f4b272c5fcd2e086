using System.Runtime.InteropServices;

namespace Linux;

/// <summary>
/// The C library's functions and constants, spelled as in C. There is no logic here: each call has one wrapper, which
/// throws the typed errors. All functions are plain exports of libc, so that a native build can bind them directly.
/// </summary>
internal static unsafe partial class Libc
{
    private const string Name = "libc";

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_REMOVEDIR = 0x200;
    internal const int AT_NO_AUTOMOUNT = 0x800;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const int AT_STATX_DONT_SYNC = 0x4000;

    internal const int F_SETFD = 2;
    internal const int F_GETFL = 3;
    internal const int F_SETFL = 4;
    internal const int F_DUPFD_CLOEXEC = 1030;
    internal const int O_NONBLOCK = 0x800;
    internal const int X_OK = 1;
    internal const uint SYNC_FILE_RANGE_WAIT_BEFORE_WRITE_AND_AFTER = 7;

    // open, openat and fcntl are variadic in C. On x86-64 and arm64 Linux a call with fixed arguments passes them in
    // the same registers.
    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open(string path, int flags, uint mode);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int openat(Descriptor directory, string path, int flags, uint mode);

    // With names as the kernel lists them: bytes, not always UTF-8.
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int openat(Descriptor directory, byte* name, int flags, uint mode);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unlinkat(Descriptor directory, byte* name, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fcntl(Descriptor descriptor, int command, nint argument);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int close(int descriptor);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint read(Descriptor descriptor, byte* buffer, nuint count);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint write(Descriptor descriptor, byte* buffer, nuint count);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int pipe2(int* descriptors, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchmod(Descriptor descriptor, uint mode);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int access(string path, int mode);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int directory, string path, int flags, uint mask, StatxBuffer* buffer);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mkdir(string path, uint mode);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fsync(Descriptor file);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int sync_file_range(Descriptor file, long offset, long count, uint flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int unlinkat(Descriptor directory, string path, int flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int renameat(Descriptor fromDirectory, string from, Descriptor toDirectory, string to);

    // glibc 2.30; musl 1.2
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint getdents64(Descriptor directory, byte* buffer, nuint size);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint readlink(string path, byte* buffer, nuint size);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int inotify_init1(int flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int inotify_add_watch(Descriptor inotify, string path, uint mask);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fstatfs(Descriptor descriptor, StatfsBuffer* buffer);

    internal const uint IN_MODIFY = 0x2;
    internal const uint IN_DELETE_SELF = 0x400;
    internal const uint STATX_BASIC_STATS = 0x7ff;
    internal const ulong STATX_ATTR_MOUNT_ROOT = 0x2000;
    internal const byte DT_DIR = 4;
    internal const byte DT_REG = 8;
    internal const byte DT_UNKNOWN = 0;

    /// <summary>Offsets in struct linux_dirent64: the length of the record, the type, and the name with its
    /// NUL.</summary>
    internal const int DirentLengthOffset = 16;
    /// <inheritdoc cref="DirentLengthOffset"/>
    internal const int DirentTypeOffset = 18;
    /// <inheritdoc cref="DirentLengthOffset"/>
    internal const int DirentNameOffset = 19;

    /// <summary>struct statx, the same on every architecture; only the used fields are named.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct StatxBuffer
    {
        [FieldOffset(8)] internal ulong stx_attributes;
        [FieldOffset(20)] internal uint stx_uid;
        [FieldOffset(24)] internal uint stx_gid;
        [FieldOffset(28)] internal ushort stx_mode;
        [FieldOffset(32)] internal ulong stx_ino;
        [FieldOffset(40)] internal ulong stx_size;
        [FieldOffset(136)] internal uint stx_dev_major;
        [FieldOffset(140)] internal uint stx_dev_minor;
    }

    /// <summary>struct statfs of 64-bit architectures; only the used fields are named.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 120)]
    internal struct StatfsBuffer
    {
        [FieldOffset(0)] internal long f_type;
        [FieldOffset(8)] internal long f_bsize;
        [FieldOffset(16)] internal ulong f_blocks;
    }
}
