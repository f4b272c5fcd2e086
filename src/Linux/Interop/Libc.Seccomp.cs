using System.Runtime.InteropServices;

namespace Linux;

internal static unsafe partial class Libc
{
    internal const int SECCOMP_SET_MODE_FILTER = 1;
    internal const int SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
    internal const uint SECCOMP_RET_ERRNO = 0x50000;
    internal const uint SECCOMP_RET_ALLOW = 0x7fff0000;
    internal const ushort BPF_LD_W_ABS = 0x20;
    internal const ushort BPF_JMP_JEQ_K = 0x15;
    internal const ushort BPF_RET_K = 0x06;
    internal const uint AUDIT_ARCH_X86_64 = 0xc000003e;
    internal const uint AUDIT_ARCH_AARCH64 = 0xc00000b7;
    internal const uint MEMBARRIER_CMD_QUERY = 0;

    // Offsets in struct seccomp_data; of an argument the low half, which is first on little-endian machines.
    internal const uint SeccompNumberOffset = 0;
    internal const uint SeccompArchitectureOffset = 4;
    internal const uint SeccompFirstArgumentOffset = 16;

    [StructLayout(LayoutKind.Sequential)]
    internal struct sock_filter
    {
        internal ushort Code;
        internal byte SkipIfTrue;
        internal byte SkipIfFalse;
        internal uint Constant;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct sock_fprog
    {
        internal ushort Length;
        internal sock_filter* Filter;
    }
}
