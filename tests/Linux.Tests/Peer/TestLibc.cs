using System.Runtime.InteropServices;

namespace Linux.Tests.Peer;

/// <summary>Functions of the C library that only these tests use.</summary>
internal static partial class TestLibc
{
    internal const int F_GETFD = 1;

    [LibraryImport("libc", SetLastError = true)]
    internal static partial int dup2(int from, int to);

    [LibraryImport("libc")]
    internal static partial uint geteuid();

    /// <summary>Gives this thread another user's access to files. Without root's id it also loses root's capabilities
    /// for files, until it has the id again.</summary>
    [LibraryImport("libc")]
    internal static partial int setfsuid(int uid);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int socket, int level, int option, in int value, uint length);

    /// <summary>Makes the kernel add the sender's credentials to every message that this socket receives.</summary>
    internal static void PassCredentials(int socket)
    {
        const int SO_PASSCRED = 16;
        LinuxException.ThrowIfFailed(setsockopt(socket, Libc.SOL_SOCKET, SO_PASSCRED, 1, sizeof(int)), "setsockopt");
    }
}
