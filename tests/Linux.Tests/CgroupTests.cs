using System.Globalization;
using Linux.Tests.Peer;

namespace Linux.Tests;

/// <summary>With files: the host's real groups (root only), or directories that look like them.</summary>
public sealed class CgroupTests : IDisposable
{
    private readonly TempDirectory directory = new();

    public void Dispose() => directory.Dispose();

    private Cgroup Fake(params (string File, string Text)[] files)
    {
        foreach ((string file, string text) in files)
            File.WriteAllText(directory[file], text);
        return Cgroup.Parse(
            CgroupHierarchies.Parse($"1 0 0:1 / {directory.Path} rw - cgroup2 none rw"), "0::/\n");
    }

    private Cgroup FakeV1(params (string File, string Text)[] files)
    {
        Fake(files);
        return Cgroup.Parse(CgroupHierarchies.Parse(
            $"1 0 0:1 / {directory.Path} rw - cgroup none rw,memory,cpu,cpuacct,pids,blkio,hugetlb"),
            "1:memory,cpu,cpuacct,pids,blkio,hugetlb:/\n");
    }

    [Fact]
    public void V2_files_are_read_and_may_be_missing()
    {
        CgroupV2Stats stats = CgroupReader.ReadV2(Fake(
            ("cpu.stat", "usage_usec 100\nuser_usec 60\nsystem_usec 40\n"),
            ("memory.current", "4096\n"), ("memory.max", "max\n"), ("memory.stat", "anon 1\nfile 2\n"),
            ("memory.events", "low 0\noom 3\noom_kill 2\n"),
            ("pids.current", "7\n"), ("pids.max", "100\n"),
            ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"),
            ("hugetlb.2MB.current", "2097152\n"), ("hugetlb.2MB.max", "max\n"), ("hugetlb.2MB.events", "max 5\n"),
            ("hugetlb.2MB.rsvd.current", "0\n")));
        Assert.Equal(60UL, stats.Cpu["user_usec"]);
        Assert.Equal((4096UL, ulong.MaxValue), (stats.MemoryUsage, stats.MemoryLimit));
        Assert.Equal((1UL, 2UL), (stats.MemoryStat["anon"], stats.MemoryEvents["oom_kill"]));
        Assert.Null(stats.MemoryPeak);
        Assert.Null(stats.SwapUsage);
        Assert.Equal(new PidsUse(7, 100), stats.Pids);
        Assert.Equal([new IoStat(8, 0, 1, 2, 3, 4)], stats.Io);
        Assert.Equal([new HugePageUse("2MB", 2097152, ulong.MaxValue, 5)], stats.HugePages);
    }

    [Fact]
    public void V1_files_are_read_and_may_be_missing()
    {
        CgroupV1Stats stats = CgroupReader.ReadV1(FakeV1(
            ("memory.usage_in_bytes", "1\n"), ("memory.limit_in_bytes", "2\n"), ("memory.max_usage_in_bytes", "3\n"),
            ("memory.failcnt", "4\n"), ("memory.stat", "total_rss 5\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n"),
            ("cpuacct.usage", "7\n"), ("cpuacct.stat", "user 8\nsystem 9\n"), ("cpuacct.usage_percpu", "3 4 \n"),
            ("cpu.stat", "nr_periods 10\n"), ("pids.current", "11\n"), ("pids.max", "max\n"),
            ("blkio.throttle.io_service_bytes", "8:0 Read 12\nTotal 12\n"), ("blkio.io_service_bytes_recursive", ""),
            ("hugetlb.1GB.usage_in_bytes", "13\n"), ("hugetlb.1GB.max_usage_in_bytes", "14\n"),
            ("hugetlb.1GB.failcnt", "15\n")));
        Assert.Equal(new MemoryUse(1, 2, 3, 4), stats.Memory);
        Assert.Null(stats.Swap);
        Assert.Null(stats.Kernel);
        Assert.Equal((5UL, 6UL), (stats.MemoryStat["total_rss"], stats.OomControl["oom_kill"]));
        Assert.Equal((7UL, 80_000_000UL, 90_000_000UL), (stats.CpuTotal, stats.CpuUser, stats.CpuKernel));
        Assert.Equal([3, 4], stats.CpuPerCpu);
        Assert.Equal(10UL, stats.CpuStat["nr_periods"]);
        Assert.Equal(new PidsUse(11, ulong.MaxValue), stats.Pids);
        Assert.Equal([new BlockIoEntry(8, 0, "Read", 12)], stats.IoServiceBytes);
        Assert.Empty(stats.IoServiced);
        Assert.Equal([new HugePageUse("1GB", 13, 14, 15)], stats.HugePages);
    }

    [Fact]
    public void The_limit_of_memory_is_a_huge_number_where_there_is_none()
    {
        Assert.Equal(2UL, CgroupReader.MemoryLimit(FakeV1(("memory.limit_in_bytes", "2\n"))));
        Assert.Equal(2UL, CgroupReader.MemoryLimit(Fake(("memory.max", "2\n"))));
        Assert.Equal(ulong.MaxValue, CgroupReader.MemoryLimit(Fake(("memory.max", "max\n"))));
        Assert.Equal(ulong.MaxValue, CgroupReader.MemoryLimit(Fake()));
    }

    [Fact]
    public void A_group_that_is_gone_reads_as_nothing()
    {
        CgroupHierarchies hierarchies = CgroupHierarchies.Read();
        Cgroup group = Cgroup.AtPath(hierarchies, "no-such-group-linux-tests");
        CgroupV1Stats v1 = CgroupReader.ReadV1(group);
        Assert.Null(v1.Memory);
        Assert.Null(v1.CpuTotal);
        CgroupV2Stats v2 = CgroupReader.ReadV2(group);
        Assert.Equal(0, v2.Cpu.Count);
        Assert.Empty(v2.HugePages);
    }

    [Fact]
    public void V2_kills_are_told_and_so_is_the_end()
    {
        Cgroup group = Fake(("memory.events", "oom 1\noom_kill 1\n"), ("cgroup.events", "populated 1\n"));
        Loops.Run(async loop =>
        {
            using OomWatcher watcher = OomWatcher.Open(loop, group);
            Task<bool> first = watcher.WaitAsync().AsTask();
            await Write(loop, "memory.events", "oom 2\noom_kill 1\n"); // a limit hit, nobody killed
            Assert.False(first.IsCompleted);
            await Write(loop, "memory.events", "oom 2\noom_kill 2\n");
            Assert.True(await first);
            Task<bool> second = watcher.WaitAsync().AsTask();
            await Write(loop, "cgroup.events", "populated 0\n");
            Assert.False(await second);
            Assert.False(await watcher.WaitAsync());
        });

        // In one write(2), as the kernel's change of a counter is one event.
        async Task Write(EventLoop loop, string file, string text)
        {
            using Descriptor opened = Descriptor.Open(directory[file], OpenFlags.O_WRONLY);
            Assert.Equal(text.Length, opened.TryWrite(System.Text.Encoding.UTF8.GetBytes(text), out _));
            await Task.Delay(TimeSpan.FromMilliseconds(1), loop.Time);
        }
    }

    [Fact]
    public void Processes_are_moved_and_read_in_real_groups()
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
            if (found.Mode == CgroupMode.Unified)
            {
                Assert.Equal(group.UnifiedDirectory, found.UnifiedDirectory);
                Assert.True(CgroupReader.ReadV2(found).Cpu.Count > 0);
            }
            else
            {
                CgroupV1Stats stats = CgroupReader.ReadV1(found);
                Assert.NotNull(stats.Memory);
                Assert.NotNull(stats.CpuTotal);
                Assert.True(stats.MemoryStat.Count > 10);
            }
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
    public void V1_kills_are_told_and_so_is_the_end()
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
                // tail keeps a line without an end in memory.
                int pid = Spawner.Spawn(Children.Shell(
                    $"echo $$ > {memory}/cgroup.procs; head -c 100000000 /dev/zero | tail > /dev/null; exit 0"));
                Assert.True(await oom);
                await loop.RunBlocking("wait", () => Children.Wait(pid));
                // More than one kill may be pending; the end comes after them.
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

    /// <summary>A group stays busy for a moment after its last process was reaped.</summary>
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
