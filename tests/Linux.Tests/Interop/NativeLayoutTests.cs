using System.Globalization;
using System.Runtime.InteropServices;
using Linux.Tests.Peer;

namespace Linux.Tests;

/// <summary>Compares every size, offset and constant that the P/Invokes rely on with the C compiler.</summary>
public sealed class NativeLayoutTests
{
    private static readonly (string Expression, ulong Expected)[] s_facts =
    [
        ("sizeof(struct statx)", Size<Libc.StatxBuffer>()),
        ("offsetof(struct statx, stx_attributes)", Offset<Libc.StatxBuffer>("stx_attributes")),
        ("offsetof(struct statx, stx_mode)", Offset<Libc.StatxBuffer>("stx_mode")),
        ("offsetof(struct statx, stx_ino)", Offset<Libc.StatxBuffer>("stx_ino")),
        ("offsetof(struct statx, stx_dev_major)", Offset<Libc.StatxBuffer>("stx_dev_major")),
        ("offsetof(struct statx, stx_dev_minor)", Offset<Libc.StatxBuffer>("stx_dev_minor")),
        ("STATX_ATTR_MOUNT_ROOT", Libc.STATX_ATTR_MOUNT_ROOT),
        ("STATX_BASIC_STATS", Libc.STATX_BASIC_STATS),
        ("sizeof(struct epoll_event)", (ulong)Libc.EpollEventSize),
        ("offsetof(struct epoll_event, data)", (ulong)Libc.EpollDataOffset),
        ("EPOLLIN", Libc.EPOLLIN),
        ("EPOLLOUT", Libc.EPOLLOUT),
        ("EPOLLERR", Libc.EPOLLERR),
        ("EPOLLHUP", Libc.EPOLLHUP),
        ("EPOLLRDHUP", Libc.EPOLLRDHUP),
        ("(unsigned)EPOLLET", Libc.EPOLLET),
        ("EPOLL_CLOEXEC", Libc.EPOLL_CLOEXEC),
        ("EFD_CLOEXEC | EFD_NONBLOCK", Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK),
        ("SFD_CLOEXEC | SFD_NONBLOCK", Libc.SFD_CLOEXEC | Libc.SFD_NONBLOCK),
        ("IN_CLOEXEC | IN_NONBLOCK", (ulong)OpenFlags.O_NONBLOCK.ToNative()),
        ("IN_MODIFY | IN_DELETE_SELF", Libc.IN_MODIFY | Libc.IN_DELETE_SELF),
        ("sizeof(struct sockaddr_un)", Size<Libc.sockaddr_un>()),
        ("offsetof(struct sockaddr_un, sun_path)", Offset<Libc.sockaddr_un>("sun_path")),
        ("sizeof(struct ucred)", Size<Libc.ucred>()),
        ("offsetof(struct ucred, uid)", Offset<Libc.ucred>("uid")),
        ("sizeof(struct iovec)", Size<Libc.iovec>()),
        ("sizeof(struct msghdr)", Size<Libc.msghdr>()),
        ("offsetof(struct msghdr, msg_iov)", Offset<Libc.msghdr>("msg_iov")),
        ("offsetof(struct msghdr, msg_control)", Offset<Libc.msghdr>("msg_control")),
        ("offsetof(struct msghdr, msg_controllen)", Offset<Libc.msghdr>("msg_controllen")),
        ("offsetof(struct msghdr, msg_flags)", Offset<Libc.msghdr>("msg_flags")),
        ("sizeof(struct cmsghdr)", Size<Libc.cmsghdr>()),
        ("offsetof(struct cmsghdr, cmsg_type)", Offset<Libc.cmsghdr>("cmsg_type")),
        ("CMSG_ALIGN(17)", 24),
        ("SOCK_CLOEXEC | SOCK_NONBLOCK", Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK),
        ("SO_PEERCRED", Libc.SO_PEERCRED),
        ("SO_ACCEPTCONN", Libc.SO_ACCEPTCONN),
        ("MSG_CMSG_CLOEXEC", Libc.MSG_CMSG_CLOEXEC),
        ("sizeof(sigset_t)", Size<Libc.sigset_t>()),
        ("sizeof(struct signalfd_siginfo)", Size<Libc.signalfd_siginfo>()),
        ("offsetof(struct signalfd_siginfo, ssi_pid)", Offset<Libc.signalfd_siginfo>("ssi_pid")),
        ("sizeof(posix_spawnattr_t) <= 512", Libc.SpawnAttributesBytes == 512 ? 1UL : 0UL),
        ("sizeof(posix_spawn_file_actions_t) <= 256", Libc.SpawnActionsBytes == 256 ? 1UL : 0UL),
        ("POSIX_SPAWN_SETPGROUP", (ulong)Libc.POSIX_SPAWN_SETPGROUP),
        ("POSIX_SPAWN_SETSIGDEF", (ulong)Libc.POSIX_SPAWN_SETSIGDEF),
        ("POSIX_SPAWN_SETSIGMASK", (ulong)Libc.POSIX_SPAWN_SETSIGMASK),
        ("SECCOMP_SET_MODE_FILTER", Libc.SECCOMP_SET_MODE_FILTER),
        ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", Libc.SECCOMP_FILTER_FLAG_SPEC_ALLOW),
        ("SECCOMP_RET_ERRNO", Libc.SECCOMP_RET_ERRNO),
        ("SECCOMP_RET_ALLOW", Libc.SECCOMP_RET_ALLOW),
        ("BPF_LD | BPF_W | BPF_ABS", Libc.BPF_LD_W_ABS),
        ("BPF_JMP | BPF_JEQ | BPF_K", Libc.BPF_JMP_JEQ_K),
        ("BPF_RET | BPF_K", Libc.BPF_RET_K),
        ("AUDIT_ARCH_X86_64", Libc.AUDIT_ARCH_X86_64),
        ("AUDIT_ARCH_AARCH64", Libc.AUDIT_ARCH_AARCH64),
        ("MEMBARRIER_CMD_QUERY", Libc.MEMBARRIER_CMD_QUERY),
        ("offsetof(struct seccomp_data, nr)", Libc.SeccompNumberOffset),
        ("offsetof(struct seccomp_data, arch)", Libc.SeccompArchitectureOffset),
        ("offsetof(struct seccomp_data, args)", Libc.SeccompFirstArgumentOffset),
        ("sizeof(struct sock_filter)", Size<Libc.sock_filter>()),
        ("offsetof(struct sock_filter, k)", Offset<Libc.sock_filter>("Constant")),
        ("offsetof(struct sock_filter, jf)", Offset<Libc.sock_filter>("SkipIfFalse")),
        ("sizeof(struct sock_fprog)", Size<Libc.sock_fprog>()),
        ("offsetof(struct sock_fprog, filter)", Offset<Libc.sock_fprog>("Filter")),
        ("SYS_membarrier", MembarrierFilter.Numbers()!.Value.Membarrier),
        ("SYS_pidfd_open", Libc.SYS_pidfd_open),
        ("SYS_seccomp", (ulong)MembarrierFilter.Numbers()!.Value.Seccomp),
        ("PR_SET_CHILD_SUBREAPER", Libc.PR_SET_CHILD_SUBREAPER),
        ("WNOHANG", Libc.WNOHANG),
        ("__WALL", Libc.__WALL),
        ("CLONE_NEWUSER", Libc.CLONE_NEWUSER),
        ("sizeof(struct loop_config)", Size<Libc.loop_config>()),
        ("offsetof(struct loop_config, info.lo_flags)", Offset<Libc.loop_config>("lo_flags")),
        ("offsetof(struct loop_config, info.lo_file_name)", Offset<Libc.loop_config>("lo_file_name")),
        ("LO_NAME_SIZE", Libc.LO_NAME_SIZE),
        ("LOOP_CONFIGURE", Libc.LOOP_CONFIGURE),
        ("LOOP_CTL_GET_FREE", Libc.LOOP_CTL_GET_FREE),
        ("LO_FLAGS_READ_ONLY", Libc.LO_FLAGS_READ_ONLY),
        ("LO_FLAGS_AUTOCLEAR", Libc.LO_FLAGS_AUTOCLEAR),
        ("sizeof(struct mount_attr)", Size<Libc.mount_attr>()),
        ("offsetof(struct mount_attr, userns_fd)", Offset<Libc.mount_attr>("userns_fd")),
        ("MOUNT_ATTR_RDONLY", Libc.MOUNT_ATTR_RDONLY),
        ("MOUNT_ATTR_IDMAP", Libc.MOUNT_ATTR_IDMAP),
        ("OPEN_TREE_CLONE", Libc.OPEN_TREE_CLONE),
        ("OPEN_TREE_CLOEXEC", Libc.OPEN_TREE_CLOEXEC),
        ("AT_RECURSIVE", Libc.AT_RECURSIVE),
        ("MOVE_MOUNT_F_EMPTY_PATH", Libc.MOVE_MOUNT_F_EMPTY_PATH),
        ("MOVE_MOUNT_T_SYMLINKS", Libc.MOVE_MOUNT_T_SYMLINKS),
        ("SYS_open_tree", Libc.SYS_open_tree),
        ("SYS_move_mount", Libc.SYS_move_mount),
        ("SYS_mount_setattr", Libc.SYS_mount_setattr),
        ("sizeof(struct winsize)", Size<Libc.winsize>()),
        ("offsetof(struct winsize, ws_col)", Offset<Libc.winsize>("ws_col")),
        ("TIOCSWINSZ", Libc.TIOCSWINSZ),
        ("(unsigned)TIOCGPTN", Libc.TIOCGPTN),
        ("offsetof(struct dirent64, d_reclen)", Libc.DirentLengthOffset),
        ("offsetof(struct dirent64, d_type)", Libc.DirentTypeOffset),
        ("offsetof(struct dirent64, d_name)", Libc.DirentNameOffset),
        ("DT_DIR", Libc.DT_DIR),
        ("DT_UNKNOWN", Libc.DT_UNKNOWN),
        ("AT_REMOVEDIR", Libc.AT_REMOVEDIR),
        ("AT_EMPTY_PATH", Libc.AT_EMPTY_PATH),
        ("(unsigned)AT_FDCWD", unchecked((uint)Libc.AT_FDCWD)),
        ("F_DUPFD_CLOEXEC", Libc.F_DUPFD_CLOEXEC),
        ("O_RDWR", (ulong)OpenFlags.O_RDWR),
        ("O_CREAT | O_EXCL | O_NOCTTY | O_APPEND | O_CLOEXEC", (ulong)(OpenFlags.O_CREAT | OpenFlags.O_EXCL
            | OpenFlags.O_NOCTTY | OpenFlags.O_APPEND).ToNative()),
        ("O_DIRECTORY | O_CLOEXEC", (ulong)OpenFlags.O_DIRECTORY.ToNative()),
        ("O_NOFOLLOW | O_CLOEXEC", (ulong)OpenFlags.O_NOFOLLOW.ToNative()),
        ("O_PATH | O_CLOEXEC", (ulong)OpenFlags.O_PATH.ToNative()),
        ("O_NONBLOCK", Libc.O_NONBLOCK),
        ("MNT_DETACH | UMOUNT_NOFOLLOW", Libc.MNT_DETACH | Libc.UMOUNT_NOFOLLOW),
        ("CLONE_FS", Libc.CLONE_FS),
        ("SIGCHLD", Signals.SIGCHLD),
        ("SIGUSR1", Signals.SIGUSR1),
        ("S_IFIFO", (ulong)FileKind.Fifo),
        ("S_IFDIR", (ulong)FileKind.Directory),
        ("S_IFREG", (ulong)FileKind.Regular),
        ("S_IFLNK", (ulong)FileKind.Link),
    ];

    [Fact]
    public void Sizes_offsets_and_constants_match_the_C_compiler()
    {
        string? compiler = ((string[])["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"]).FirstOrDefault(File.Exists);
        Assert.SkipWhen(compiler is null, "no C compiler (cc, gcc, clang) in /usr/bin");
        using TempDirectory directory = new();
        (string Expression, ulong Expected)[] facts = [.. s_facts, .. Named<Errno>(), .. Named<MountFlags>()];
        File.WriteAllText(directory["facts.c"], $$"""
            #define _GNU_SOURCE
            #include <dirent.h>
            #include <errno.h>
            #include <fcntl.h>
            #include <linux/audit.h>
            #include <linux/loop.h>
            #include <linux/filter.h>
            #include <linux/membarrier.h>
            #include <linux/seccomp.h>
            #include <sched.h>
            #include <signal.h>
            #include <spawn.h>
            #include <stddef.h>
            #include <stdio.h>
            #include <sys/epoll.h>
            #include <sys/eventfd.h>
            #include <sys/inotify.h>
            #include <sys/ioctl.h>
            #include <sys/mount.h>
            #include <sys/prctl.h>
            #include <sys/signalfd.h>
            #include <sys/socket.h>
            #include <sys/stat.h>
            #include <sys/syscall.h>
            #include <sys/uio.h>
            #include <sys/un.h>
            #include <sys/wait.h>
            #ifndef MS_NOSYMFOLLOW
            #define MS_NOSYMFOLLOW 256
            #endif
            int main(void) {
            {{string.Concat(facts.Select(f => $"printf(\"%llu\\n\", (unsigned long long)({f.Expression}));\n"))}}
            return 0;
            }
            """);
        Assert.Equal("", Children.Output(new SpawnRequest
        {
            Path = compiler!,
            Arguments = [compiler!, "-o", directory["facts"], directory["facts.c"]],
        }));
        string output = Children.Output(new SpawnRequest { Path = directory["facts"], Arguments = ["facts"] });
        ulong[] actual = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => ulong.Parse(line, CultureInfo.InvariantCulture))];
        Assert.Equal(facts.Length, actual.Length);
        Assert.Equal(facts, facts.Select((fact, i) => (fact.Expression, actual[i])));
    }

    private static IEnumerable<(string, ulong)> Named<T>() where T : struct, Enum =>
        Enum.GetValues<T>().Where(value => value.ToString() != "None")
            .Select(value => (value.ToString(), Convert.ToUInt64(value, CultureInfo.InvariantCulture)));

    private static unsafe ulong Size<T>() where T : unmanaged => (ulong)sizeof(T);

    private static ulong Offset<T>(string field) => (ulong)Marshal.OffsetOf<T>(field);
}
