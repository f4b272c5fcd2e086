using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    internal const int MNT_DETACH = 2;
    internal const int UMOUNT_NOFOLLOW = 8;
    internal const int CLONE_FS = 0x200;

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, nuint flags, string? data);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int unshare(int flags);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int chdir(string path);
}
