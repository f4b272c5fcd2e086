using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    internal const uint MFD_CLOEXEC = 1;
    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;
    internal const short POLLIN = 1;
    internal const short POLLOUT = 4;
    internal const nuint FIONREAD = 0x541b;

#pragma warning disable CS8981 // Named as in C.
    [StructLayout(LayoutKind.Sequential)]
    internal struct pollfd
    {
        internal int fd;
        internal short events;
        internal short revents;
    }
#pragma warning restore CS8981

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int memfd_create(string name, uint flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint pread(Descriptor descriptor, byte* buffer, nuint count, long offset);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int fchown(Descriptor descriptor, uint uid, uint gid);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int flock(Descriptor descriptor, int operation);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int poll(pollfd* descriptors, nuint count, int milliseconds);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int isatty(int descriptor);

    // By number: the standard streams have no owner.
    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint read(int descriptor, byte* buffer, nuint count);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint write(int descriptor, byte* buffer, nuint count);
}
