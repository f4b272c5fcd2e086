using System.Runtime.InteropServices;

namespace Linux;

/// <summary>Makes the kernel look, to a thread and to what it starts, as if it were built without membarrier(2).</summary>
/// <remarks>
/// A process of several threads that registers for membarrier waits until every processor has been through the scheduler
/// (an RCU grace period: 8 to 16 ms on an idle machine). A program that registers when it starts, whether it will need it
/// or not, waits so each time it runs. This seccomp filter answers its first question, whether there is a membarrier at all
/// (MEMBARRIER_CMD_QUERY), with ENOSYS, and lets everything else through.
/// </remarks>
internal static unsafe class MembarrierFilter
{
    /// <summary>Puts the filter on the calling thread, for as long as the thread lives.</summary>
    /// <returns>False where the kernel or the rights of this process do not allow that; nothing has changed then.</returns>
    public static bool TryInstall()
    {
        if (Numbers() is not { } numbers)
            return false;
        Libc.sock_filter* program = stackalloc Libc.sock_filter[]
        {
            Load(Libc.SeccompArchitectureOffset),
            SkipUnless(numbers.Architecture, skip: 5),
            Load(Libc.SeccompNumberOffset),
            SkipUnless(numbers.Membarrier, skip: 3),
            Load(Libc.SeccompFirstArgumentOffset),
            SkipUnless(Libc.MEMBARRIER_CMD_QUERY, skip: 1),
            Return(Libc.SECCOMP_RET_ERRNO | (uint)Errno.ENOSYS),
            Return(Libc.SECCOMP_RET_ALLOW),
        };
        var whole = new Libc.sock_fprog { Length = 8, Filter = program };
        // Without SPEC_ALLOW older kernels slow everything filtered down against speculation, which is not our business.
        return Libc.syscall(
            numbers.Seccomp, Libc.SECCOMP_SET_MODE_FILTER, Libc.SECCOMP_FILTER_FLAG_SPEC_ALLOW, (nint)(&whole)) == 0;
    }

    /// <summary>What the kernel calls the architecture and two of its system calls; null where we do not know.</summary>
    internal static (uint Architecture, uint Membarrier, nint Seccomp)? Numbers() => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => (Libc.AUDIT_ARCH_X86_64, 324, 317),
        Architecture.Arm64 => (Libc.AUDIT_ARCH_AARCH64, 283, 277),
        _ => null,
    };

    private static Libc.sock_filter Load(uint offset) => new() { Code = Libc.BPF_LD_W_ABS, Constant = offset };

    private static Libc.sock_filter SkipUnless(uint equal, byte skip) =>
        new() { Code = Libc.BPF_JMP_JEQ_K, SkipIfFalse = skip, Constant = equal };

    private static Libc.sock_filter Return(uint answer) => new() { Code = Libc.BPF_RET_K, Constant = answer };
}
