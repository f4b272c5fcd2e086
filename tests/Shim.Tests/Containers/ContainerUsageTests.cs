using Linux;
using Shim.Containers;
using Shim.Runsc;

namespace Shim.Tests.Containers;

/// <summary>How a container's processor time is divided into user mode and kernel.</summary>
public sealed class ContainerUsageTests
{
    [Fact]
    public void As_the_sandbox_says()
    {
        ContainerUsage usage = Of(new RunscStats { CpuTotal = 10, CpuUser = 3, CpuKernel = 7 }, 1, 1).Divided(null);
        Assert.Equal((3ul, 7ul), (usage.CpuUser, usage.CpuKernel));
    }

    [Theory]
    [InlineData(1, 1, 50, 50)]
    [InlineData(0, 5, 0, 100)]
    [InlineData(0, 0, 100, 0)]
    public void Else_as_the_nodes_counters_are(ulong nodeUser, ulong nodeKernel, ulong user, ulong kernel)
    {
        ContainerUsage usage = Of(new RunscStats { CpuTotal = 100 }, nodeUser, nodeKernel).Divided(null);
        Assert.Equal((user, kernel), (usage.CpuUser, usage.CpuKernel));
    }

    [Theory]
    [InlineData(100, 0, 1, 50, 50)]
    [InlineData(100, 1, 0, 50, 50)]
    [InlineData(120, 0, 1, 50, 70)]
    [InlineData(120, 1, 0, 70, 50)]
    // The sandbox counts anew, as after a restore.
    [InlineData(10, 0, 1, 0, 10)]
    public void Neither_part_becomes_less(ulong total, ulong nodeUser, ulong nodeKernel, ulong user, ulong kernel)
    {
        ContainerUsage before = Of(new RunscStats { CpuTotal = 100 }, 1, 1).Divided(null);
        ContainerUsage usage = Of(new RunscStats { CpuTotal = total }, nodeUser, nodeKernel).Divided(before);
        Assert.Equal((user, kernel), (usage.CpuUser, usage.CpuKernel));
    }

    private static ContainerUsage Of(RunscStats inside, ulong user, ulong kernel) =>
        new(inside, new CgroupCpu { User = user, Kernel = kernel }, null, IsFirst: true);
}
