using System.Runtime.InteropServices;

namespace Linux;

/// <summary>Hides membarrier(2) from a thread and the processes it starts, as if the kernel were built without
/// it.</summary>
/// <remarks>
/// A multi-threaded process that registers for membarrier waits until every processor has been through the scheduler
/// (an RCU grace period: 8 to 16 ms on an idle machine). A program that always registers at its start waits each time
/// it runs, whether it needs membarrier or not. This seccomp filter answers its first question, whether membarrier
/// exists (MEMBARRIER_CMD_QUERY), with ENOSYS, and allows everything else.
/// </remarks>
internal static unsafe class MembarrierFilter
{
    /// <summary>Installs the filter on the calling thread, for the life of the thread.</summary>
    /// <returns>False, with nothing changed, if the kernel or the rights of this process do not allow it.</returns>
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
        // Without SPEC_ALLOW older kernels also restrict speculation in the filtered process, which makes it slow.
        return Libc.syscall(
            numbers.Seccomp, Libc.SECCOMP_SET_MODE_FILTER, Libc.SECCOMP_FILTER_FLAG_SPEC_ALLOW, (nint)(&whole)) == 0;
    }

    /// <summary>The kernel's numbers for the architecture and two system calls; null for unknown
    /// architectures.</summary>
    internal static (uint Architecture, uint Membarrier, nint Seccomp)? Numbers() =>
        RuntimeInformation.ProcessArchitecture switch
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
