using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    internal const int SIG_BLOCK = 0;
    internal const nint SIG_IGN = 1;
    internal const int SFD_CLOEXEC = 0x80000;
    internal const int SFD_NONBLOCK = 0x800;
    internal const int RLIMIT_CORE = 4;

    // Returns the error number. The kernel has 64 signals; the C library's set has 1024 bits.
    [LibraryImport(Name)]
    internal static partial int pthread_sigmask(int how, sigset_t* set, sigset_t* old);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int signalfd(int descriptor, sigset_t* mask, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint signal(int number, nint handler);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int kill(int pid, int signal);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int waitpid(int pid, int* status, int options);

    [LibraryImport(Name, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int execve(string path, byte** argv, byte** environment);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getrlimit(int resource, rlimit* limit);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int setrlimit(int resource, rlimit* limit);

    [StructLayout(LayoutKind.Sequential)]
    internal struct rlimit
    {
        internal ulong rlim_cur;
        internal ulong rlim_max;
    }

    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct sigset_t
    {
        [FieldOffset(0)] internal ulong Bits;
    }

    [StructLayout(LayoutKind.Explicit, Size = 128)]
    internal struct signalfd_siginfo
    {
        [FieldOffset(0)] internal uint ssi_signo;
        [FieldOffset(12)] internal uint ssi_pid;
    }

    internal const int WNOHANG = 1;
    internal const int __WALL = 0x40000000;
    internal const int PR_SET_CHILD_SUBREAPER = 36;
}
