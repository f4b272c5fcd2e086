using Linux;
using Shim.Sandboxes;

namespace Shim.Tests.Sandboxes;

/// <summary>How often a sandbox's cgroup is read.</summary>
public sealed class SandboxUsageTests
{
    private readonly FakeTime _time = new();
    private readonly Cgroup _own = Cgroup.OfProcess(CgroupHierarchies.Read(), Environment.ProcessId);

    [Fact]
    public void Processor_time_is_as_old_as_the_question()
    {
        var usage = new SandboxUsage(_own, _time);
        CgroupCpu first = usage.ReadCpu()!;
        _time.Advance(TimeSpan.FromMilliseconds(9));
        Assert.Same(first, usage.ReadCpu());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotSame(first, usage.ReadCpu());
    }

    [Fact]
    public void What_processor_time_consists_of_is_read_twice_a_second()
    {
        var usage = new SandboxUsage(_own, _time);
        ulong User(int milliseconds)
        {
            _time.Advance(TimeSpan.FromMilliseconds(milliseconds));
            // In the kernel's coarsest unit, a hundredth of a second, it must have changed.
            for (long begin = Environment.TickCount64; Environment.TickCount64 < begin + 100;)
                Thread.SpinWait(100);
            return usage.ReadCpu()!.User;
        }

        Assert.SkipWhen(_own.Mode == CgroupMode.Unified, "cgroup v2 has all of it in one file");
        ulong first = User(0);
        Assert.Equal(first, User(499));
        Assert.NotEqual(first, User(10)); // one question lasts 10 ms
    }

    [Fact]
    public void The_rest_is_read_twice_a_second()
    {
        var usage = new SandboxUsage(_own, _time);
        CgroupUsage first = usage.Read()!;
        _time.Advance(TimeSpan.FromMilliseconds(499));
        Assert.Same(first, usage.Read());
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.NotSame(first, usage.Read());
    }

    [Fact]
    public void Without_a_cgroup_nothing_is_known()
    {
        var usage = new SandboxUsage(null, _time);
        Assert.Null(usage.Read());
        Assert.Null(usage.ReadCpu());
    }
}
