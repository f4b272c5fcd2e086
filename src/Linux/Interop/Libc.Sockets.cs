using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    internal const int AF_UNIX = 1;
    internal const int SOCK_STREAM = 1;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOCK_NONBLOCK = 0x800;
    internal const int SOL_SOCKET = 1;
    internal const int SO_PEERCRED = 17;
    internal const int SO_ACCEPTCONN = 30;
    internal const int SCM_RIGHTS = 1;
    internal const int MSG_CMSG_CLOEXEC = 0x40000000;

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int bind(Descriptor socket, sockaddr_un* address, uint length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int connect(Descriptor socket, sockaddr_un* address, uint length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockname(Descriptor socket, sockaddr_un* address, uint* length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int listen(Descriptor socket, int backlog);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int accept4(Descriptor socket, void* address, uint* length, int flags);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial int getsockopt(Descriptor socket, int level, int option, void* value, uint* length);

    [LibraryImport(Name, SetLastError = true)]
    internal static partial nint recvmsg(Descriptor socket, msghdr* message, int flags);

    [StructLayout(LayoutKind.Sequential, Size = 110)]
    internal struct sockaddr_un
    {
        internal const int PathBytes = 108;
        internal ushort sun_family;
        internal fixed byte sun_path[PathBytes];
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ucred
    {
        internal int pid;
        internal uint uid;
        internal uint gid;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct iovec
    {
        internal void* iov_base;
        internal nuint iov_len;
    }

    // musl declares the two lengths as 4 bytes and 4 bytes of padding, which is the same on little-endian machines.
    [StructLayout(LayoutKind.Sequential)]
    internal struct msghdr
    {
        internal void* msg_name;
        internal uint msg_namelen;
        internal iovec* msg_iov;
        internal nuint msg_iovlen;
        internal void* msg_control;
        internal nuint msg_controllen;
        internal int msg_flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct cmsghdr
    {
        internal nuint cmsg_len;
        internal int cmsg_level;
        internal int cmsg_type;
    }
}
