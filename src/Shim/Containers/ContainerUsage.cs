using Linux;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>What a container uses: what its sandbox says, and what the node says of the sandbox.</summary>
/// <remarks>
/// The sandbox knows its containers apart. The node counts what the sandbox's kernel uses for them, in numbers that
/// cannot be divided: these are the first container's, which stands for the sandbox. On the node all the memory of a
/// sandbox is shared memory, so what is a program's and what is cached only the sandbox can say.
/// </remarks>
/// <param name="Inside">What the sandbox says.</param>
/// <param name="Cpu">What the node says of the sandbox's processor time; null if nothing.</param>
/// <param name="Node">What the node says of the sandbox otherwise; null if nothing.</param>
/// <param name="IsFirst">Whether it is the sandbox's first container.</param>
internal sealed record ContainerUsage(RunscStats Inside, CgroupCpu? Cpu, CgroupUsage? Node, bool IsFirst)
{
    /// <summary>What the node says that cannot be divided among the containers; null if it is another's.</summary>
    public CgroupUsage? Undivided => IsFirst ? Node : null;

    /// <summary>Its memory limit in bytes: that of the node's memory if it has no lower one.</summary>
    public ulong MemoryLimit { get; init; }

    /// <summary>How often it was killed for want of memory.</summary>
    public ulong OutOfMemoryKills { get; init; }

    /// <summary>Processor time in user mode, in nanoseconds.</summary>
    public ulong CpuUser { get; private init; }

    /// <summary>Processor time in the kernel, in nanoseconds.</summary>
    public ulong CpuKernel => Inside.CpuTotal - CpuUser;

    /// <summary>Memory in use, in bytes.</summary>
    public ulong Memory => Inside.MemoryUsage;

    /// <summary>Its part that is cached files and can be freed.</summary>
    public ulong Cached => Math.Min(Inside.MemoryCache, Memory);

    /// <summary>Its part that is the programs' own.</summary>
    public ulong Own => Memory - Cached;

    /// <summary>The most memory that was in use, in bytes.</summary>
    public ulong MemoryMax => Math.Max(Memory, Math.Max(Inside.MemoryMax, Undivided?.MemoryMax ?? 0));

    /// <summary>How often the memory limit was reached.</summary>
    public ulong MemoryFailures => Math.Max(Inside.MemoryFailures, Undivided?.MemoryFailures ?? 0);

    /// <summary>Swap in use, in bytes.</summary>
    public ulong Swap => Undivided?.Swap ?? 0;

    /// <summary>The limit on processes; 0: none.</summary>
    public ulong PidsLimit => Inside.PidsLimit > 0 ? Inside.PidsLimit : Undivided?.PidsLimit ?? 0;

    /// <summary>memory.stat of the node, by the kernel's names.</summary>
    public Counters MemoryStat => Undivided?.MemoryStat ?? Counters.None;

    /// <summary>memory.events or memory.oom_control of the node, by the kernel's names.</summary>
    public Counters MemoryEvents => Undivided?.MemoryEvents ?? Counters.None;

    /// <summary>
    /// The same with the processor time divided into user mode and kernel: as the sandbox says, else as the node
    /// divides the sandbox's. That proportion changes, and neither part may become less.
    /// </summary>
    /// <param name="before">The container's last usage; null if this is its first.</param>
    public ContainerUsage Divided(ContainerUsage? before)
    {
        ulong total = Inside.CpuTotal;
        if (Inside.CpuUser + Inside.CpuKernel > 0)
            return this with { CpuUser = Math.Min(Inside.CpuUser, total) };
        UInt128 user = Cpu?.User ?? 0, all = user + (Cpu?.Kernel ?? 0);
        ulong part = all == 0 ? total : (ulong)(total * user / all);
        if (before is not null && before.Inside.CpuTotal <= total)
            part = Math.Clamp(part, before.CpuUser, total - before.CpuKernel);
        return this with { CpuUser = part };
    }
}
