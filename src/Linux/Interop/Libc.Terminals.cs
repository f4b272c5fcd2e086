using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    // asm-generic/ioctls.h, which x86-64 and arm64 share.
    internal const nuint TIOCSWINSZ = 0x5414;
    internal const nuint TIOCGPTN = 0x80045430;

    // Variadic in C; see open.
    [LibraryImport(Name, SetLastError = true)]
    internal static partial int ioctl(Descriptor descriptor, nuint request, nint argument);

    [StructLayout(LayoutKind.Sequential)]
    internal struct winsize
    {
        internal ushort ws_row;
        internal ushort ws_col;
        internal ushort ws_xpixel;
        internal ushort ws_ypixel;
    }
}
