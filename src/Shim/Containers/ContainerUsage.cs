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
    public required ulong MemoryLimit { get; init; }

    /// <summary>How often it was killed for want of memory.</summary>
    public ulong OutOfMemoryKills { get; init; }

    /// <summary>Processor time in the kernel, in nanoseconds.</summary>
    public ulong CpuKernel => Inside.CpuTotal - CpuUser;

    /// <summary>Processor time in user mode, in nanoseconds: as much of the container's as of the sandbox's.</summary>
    public ulong CpuUser
    {
        get
        {
            if (Inside.CpuUser + Inside.CpuKernel > 0)
                return Math.Min(Inside.CpuUser, Inside.CpuTotal);
            UInt128 user = Cpu?.User ?? 0, all = user + (Cpu?.Kernel ?? 0);
            return all == 0 ? Inside.CpuTotal : (ulong)(Inside.CpuTotal * user / all);
        }
    }

    /// <summary>Memory in use, in bytes.</summary>
    public ulong Memory => Inside.MemoryUsage > 0 ? Inside.MemoryUsage : Node?.Memory ?? 0;

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
}
