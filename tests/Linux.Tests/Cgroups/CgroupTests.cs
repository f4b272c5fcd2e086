using System.Globalization;
using Linux.Tests.Peer;

namespace Linux.Tests;

/// <summary>With the real groups of the host, which needs root, or directories that look like groups.</summary>
public sealed class CgroupTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private Cgroup Fake(params (string File, string Text)[] files)
    {
        foreach ((string file, string text) in files)
            File.WriteAllText(_directory[file], text);
        return Cgroup.Parse(
            CgroupHierarchies.Parse($"1 0 0:1 / {_directory.Path} rw - cgroup2 none rw"), "0::/\n");
    }

    private Cgroup FakeV1(params (string File, string Text)[] files)
    {
        Fake(files);
        return Cgroup.Parse(CgroupHierarchies.Parse(
            $"1 0 0:1 / {_directory.Path} rw - cgroup none rw,memory,cpu,cpuacct"),
            "1:memory,cpu,cpuacct:/\n");
    }

    [Fact]
    public void The_memory_limit_is_a_huge_number_if_there_is_none()
    {
        Assert.Equal(2UL, CgroupReader.MemoryLimit(FakeV1(("memory.limit_in_bytes", "2\n"))));
        Assert.Equal(2UL, CgroupReader.MemoryLimit(Fake(("memory.max", "2\n"))));
        Assert.Equal(ulong.MaxValue, CgroupReader.MemoryLimit(Fake(("memory.max", "max\n"))));
        Assert.Equal(ulong.MaxValue, CgroupReader.MemoryLimit(Fake()));
    }

    [Fact]
    public void Processor_time_is_in_nanoseconds()
    {
        var expected = new CgroupCpu
        {
            Total = 100_000,
            User = 60_000,
            Kernel = 40_000,
            Periods = 20,
            ThrottledPeriods = 5,
            ThrottledTime = 6000,
        };
        Assert.Equal(expected, CgroupCpu.Read(FakeV1(
            ("cpuacct.usage", "100000\n"), ("cpuacct.usage_user", "60000\n"), ("cpuacct.usage_sys", "40000\n"),
            ("cpu.stat", "nr_periods 20\nnr_throttled 5\nthrottled_time 6000\n"))));
        Assert.Equal(expected, CgroupCpu.Read(Fake(("cpu.stat",
            "usage_usec 100\nuser_usec 60\nsystem_usec 40\nnr_periods 20\nnr_throttled 5\nthrottled_usec 6\n"))));
    }

    [Fact]
    public void Usage_of_v1()
    {
        CgroupUsage usage = CgroupUsage.Read(FakeV1(
            ("memory.usage_in_bytes", "100\n"), ("memory.max_usage_in_bytes", "120\n"), ("memory.failcnt", "9\n"),
            ("memory.memsw.usage_in_bytes", "130\n"), ("memory.stat", "cache 1\ntotal_pgfault 8\n"),
            ("memory.oom_control", "oom_kill_disable 1\nunder_oom 1\noom_kill 2\n")))!;
        Assert.Equal((100ul, 120ul, 9ul, 30ul), (usage.Memory, usage.MemoryMax, usage.MemoryFailures, usage.Swap));
        Assert.Equal((8ul, 1ul), (usage.MemoryStat["total_pgfault"], usage.MemoryEvents["under_oom"]));
        Assert.Equal((0ul, 0ul), (usage.Pids, usage.PidsLimit));
        Assert.Empty(usage.Blocks);
        Assert.Null(usage.CpuPressure);
    }

    [Fact]
    public void Usage_of_v2()
    {
        CgroupUsage usage = CgroupUsage.Read(Fake(
            ("memory.current", "8\n"), ("memory.peak", "9\n"), ("memory.swap.current", "4\n"),
            ("memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\n"), ("memory.stat", "anon 6\n"),
            ("pids.current", "3\n"), ("pids.max", "max\n"), ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"),
            ("cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=0.00 total=77\n")))!;
        Assert.Equal((8ul, 9ul, 3ul, 4ul), (usage.Memory, usage.MemoryMax, usage.MemoryFailures, usage.Swap));
        Assert.Equal((6ul, 2ul), (usage.MemoryStat["anon"], usage.MemoryEvents["high"]));
        Assert.Equal((3ul, 0ul), (usage.Pids, usage.PidsLimit));
        Assert.Equal([new BlockUsage(8, 0, 1, 2, 3, 4)], usage.Blocks);
        Assert.Equal(new Pressure(new PressureTimes(1.5, 0, 0, 77), default), usage.CpuPressure);
        Assert.Null(usage.IoPressure);
    }

    [Fact]
    public void Kills_are_counted()
    {
        Assert.Equal(6UL, OomCounter.Read(FakeV1(("memory.oom_control", "under_oom 0\noom_kill 6\n"))));
        Assert.Equal(2UL, OomCounter.Read(Fake(("memory.events", "low 0\noom 3\noom_kill 2\n"))));
    }

    [Fact]
    public void A_missing_group_has_no_values()
    {
        CgroupHierarchies hierarchies = CgroupHierarchies.Read();
        Cgroup group = Cgroup.AtPath(hierarchies, "no-such-group-linux-tests");
        Assert.False(group.Exists);
        Assert.Null(CgroupCpu.Read(group));
        Assert.Null(CgroupUsage.Read(group));
        Assert.Equal(ulong.MaxValue, CgroupReader.MemoryLimit(group));
        Assert.Null(OomCounter.Read(group));
    }

    [Fact]
    public void V2_kills_and_the_end_are_reported()
    {
        Cgroup group = Fake(("memory.events", "oom 1\noom_kill 1\n"), ("cgroup.events", "populated 1\n"));
        Loops.Run(async loop =>
        {
            using OomWatcher watcher = OomWatcher.Open(loop, group);
            Task<bool> first = watcher.WaitAsync().AsTask();
            await Write(loop, "memory.events", "oom 2\noom_kill 1\n"); // the limit was reached, no process was killed
            Assert.False(first.IsCompleted);
            await Write(loop, "memory.events", "oom 2\noom_kill 2\n");
            Assert.True(await first);
            Task<bool> second = watcher.WaitAsync().AsTask();
            await Write(loop, "cgroup.events", "populated 0\n");
            Assert.False(await second);
            Assert.False(await watcher.WaitAsync());
        });

        // With one write(2), since the kernel's change of a counter is one event.
        async Task Write(EventLoop loop, string file, string text)
        {
            using Descriptor opened = Descriptor.Open(_directory[file], OpenFlags.O_WRONLY);
            Assert.Equal(text.Length, opened.TryWrite(System.Text.Encoding.UTF8.GetBytes(text), out _));
            await Loops.DeliverReadyEvents(loop);
        }
    }

    [Fact]
    public void Processes_are_moved_between_real_groups()
    {
        Requires.Root("moving processes between cgroups");
        CgroupHierarchies hierarchies = CgroupHierarchies.Read();
        Assert.SkipWhen(hierarchies.All.Count == 0, "no cgroups are mounted");
        string name = $"linux-tests-{Environment.ProcessId}";
        Cgroup group = Cgroup.AtPath(hierarchies, $"{name}/inner");
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid = Spawner.Spawn(Children.Shell("read x") with { Descriptors = [read] });
        try
        {
            group.Add(pid);
            Cgroup found = Cgroup.OfProcess(hierarchies, pid);
            foreach (CgroupHierarchy hierarchy in hierarchies.All)
            {
                foreach (string controller in hierarchy.Controllers)
                    Assert.Equal($"{hierarchy.MountPoint}/{name}/inner", found.DirectoryOf(controller));
            }
            Assert.True(found.SameAs(group));
            Assert.NotNull(CgroupCpu.Read(found));
        }
        finally
        {
            read.Dispose();
            write.Dispose();
            Children.Wait(pid);
            Remove(hierarchies, $"{name}/inner");
            Remove(hierarchies, name);
        }
    }

    [Fact]
    public void V1_kills_and_the_end_are_reported()
    {
        Requires.Root("limiting memory");
        CgroupHierarchies hierarchies = CgroupHierarchies.Read();
        Assert.SkipWhen(hierarchies.Of("memory") is null, "no v1 memory controller here");
        string name = $"linux-tests-oom-{Environment.ProcessId}";
        string memory = Path.Combine(hierarchies.Of("memory")!.MountPoint, name);
        Directory.CreateDirectory(memory);
        try
        {
            File.WriteAllText($"{memory}/memory.limit_in_bytes", (8 << 20).ToString(CultureInfo.InvariantCulture));
            Loops.Run(async loop =>
            {
                using OomWatcher watcher = OomWatcher.OpenV1(loop, memory);
                Task<bool> oom = watcher.WaitAsync().AsTask();
                // tail keeps the last line in memory, and there is no line end.
                int pid = Spawner.Spawn(Children.Shell(
                    $"echo $$ > {memory}/cgroup.procs; head -c 100000000 /dev/zero | tail > /dev/null; exit 0"));
                Assert.True(await oom);
                await loop.RunBlocking("wait", () => Children.Wait(pid));
                // More than one kill may be pending before the end.
                Task<bool> end = watcher.WaitAsync().AsTask();
                await loop.RunBlocking("rmdir", () => Retry(() => Directory.Delete(memory)));
                while (await end)
                    end = watcher.WaitAsync().AsTask();
            });
        }
        finally
        {
            if (Directory.Exists(memory))
                Retry(() => Directory.Delete(memory));
        }
    }

    private static void Remove(CgroupHierarchies hierarchies, string path)
    {
        foreach (CgroupHierarchy hierarchy in hierarchies.All)
        {
            string group = Path.Combine(hierarchy.MountPoint, path);
            if (Directory.Exists(group))
                Retry(() => Directory.Delete(group));
        }
    }

    /// <summary>A group stays busy for a moment after its last process has been reaped.</summary>
    private static bool Retry(Action remove)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                remove();
                return true;
            }
            catch (IOException) when (attempt < 1000)
            {
                Thread.Yield();
            }
        }
    }
}
