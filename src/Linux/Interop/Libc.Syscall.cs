using System.Runtime.InteropServices;

namespace Linux;

/// <summary>System calls for which the C libraries have no function, or only recent versions do.</summary>
internal static unsafe partial class Libc
{
    // The same on every architecture.
    internal const int SYS_pidfd_open = 434;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b, nint c);
}
