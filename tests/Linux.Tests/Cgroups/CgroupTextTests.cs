namespace Linux.Tests;

/// <summary>With texts of real hosts.</summary>
public sealed class CgroupTextTests
{
    private const string LegacyMounts = """
        24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
        34 24 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
        36 34 0:31 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,release_agent=/agent,name=systemd
        39 34 0:34 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid,nodev,noexec,relatime shared:15 - cgroup cgroup rw,cpu,cpuacct
        42 34 0:37 / /sys/fs/cgroup/memory rw,nosuid,nodev,noexec,relatime shared:18 - cgroup cgroup rw,memory
        """;
    private const string HybridMounts = LegacyMounts + """

        35 34 0:30 / /sys/fs/cgroup/unified rw,nosuid,nodev,noexec,relatime shared:10 - cgroup2 cgroup2 rw,nsdelegate
        """;
    private const string UnifiedMounts = """
        24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
        34 24 0:29 / /sys/fs/cgroup rw,nosuid,nodev shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
        """;
    private const string ContainerMounts = """
        34 24 0:29 /docker/4a /sys/fs/cgroup/memory ro,nosuid,nodev,noexec,relatime master:9 - cgroup cgroup rw,memory
        35 24 0:30 /docker/4a /sys/fs/cgroup/unified ro,nosuid,nodev,noexec,relatime master:9 - cgroup2 cgroup rw
        """;

    [Theory]
    [InlineData(LegacyMounts, CgroupMode.Legacy)]
    [InlineData(HybridMounts, CgroupMode.Hybrid)]
    [InlineData(UnifiedMounts, CgroupMode.Unified)]
    [InlineData("", CgroupMode.Legacy)]
    [InlineData("1 0 0:1 / / rw - cgroup2 none rw\n2 0 0:2 / /x rw - cgroup none rw,name=systemd", CgroupMode.Unified)]
    public void The_mounts_decide_the_mode(string mounts, CgroupMode mode) =>
        Assert.Equal(mode, CgroupHierarchies.Parse(mounts).Mode);

    [Fact]
    public void The_groups_of_a_process_in_hybrid_mode()
    {
        const string Text = """
            12:cpu,cpuacct:/kubepods/pod1
            9:memory:/kubepods/pod1/a:b
            5:pids:/unmounted
            1:name=systemd:/system.slice
            0::/system.slice/containerd.service
            """;
        Cgroup group = Cgroup.Parse(CgroupHierarchies.Parse(HybridMounts), Text);
        Assert.Equal(CgroupMode.Hybrid, group.Mode);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1", group.DirectoryOf("cpu"));
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1", group.DirectoryOf("cpuacct"));
        Assert.Equal("/sys/fs/cgroup/memory/kubepods/pod1/a:b", group.DirectoryOf("memory"));
        Assert.Equal("/sys/fs/cgroup/systemd/system.slice", group.DirectoryOf("name=systemd"));
        Assert.Null(group.DirectoryOf("pids"));
        Assert.Equal("/sys/fs/cgroup/unified/system.slice/containerd.service", group.UnifiedDirectory);
    }

    [Fact]
    public void The_group_of_a_process_in_v2()
    {
        Cgroup group = Cgroup.Parse(CgroupHierarchies.Parse(UnifiedMounts), "0::/kubepods.slice/pod1\n");
        Assert.Equal("/sys/fs/cgroup/kubepods.slice/pod1", group.UnifiedDirectory);
        Assert.Null(group.DirectoryOf("memory"));
        Assert.Equal("/sys/fs/cgroup",
            Cgroup.Parse(CgroupHierarchies.Parse(UnifiedMounts), "0::/\n").UnifiedDirectory);
    }

    [Theory]
    [InlineData("9:memory:/docker/4a/x", "/sys/fs/cgroup/memory/x")]
    [InlineData("9:memory:/docker/4a", "/sys/fs/cgroup/memory")]
    [InlineData("9:memory:/docker/4abc", null)]
    [InlineData("9:memory:/docker/4a/../x", null)]
    [InlineData("9:memory:/", null)]
    [InlineData("memory", null)]
    public void A_mount_may_show_a_part_of_the_hierarchy(string text, string? directory) =>
        Assert.Equal(directory, Cgroup.Parse(CgroupHierarchies.Parse(ContainerMounts), text).DirectoryOf("memory"));

    [Fact]
    public void A_group_outside_of_our_namespace_is_not_found() =>
        Assert.Null(Cgroup.Parse(CgroupHierarchies.Parse(UnifiedMounts), "0::/../other").UnifiedDirectory);

    [Fact]
    public void Paths_are_checked()
    {
        CgroupHierarchies hierarchies = CgroupHierarchies.Parse(HybridMounts);
        Assert.Equal("/sys/fs/cgroup/memory/a/b", Cgroup.AtPath(hierarchies, "//a/./b/").DirectoryOf("memory"));
        foreach (string bad in (string[])["../x", "a/../b", "/..", "", "/"])
            Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Cgroup.AtPath(hierarchies, bad)).Errno);
    }

    [Fact]
    public void Flat_keyed_files_are_parsed()
    {
        Counters counters = Counters.Parse("cache 4096\nrss 18446744073709551615\nbroken\nx y\n\npgpgin 0\n");
        Assert.Equal(4096UL, counters["cache"]);
        Assert.Equal(ulong.MaxValue, counters["rss"]);
        Assert.Equal(0UL, counters["no_such"]);
        Assert.Equal(0UL, counters["broken"]);
        Assert.Equal(0UL, counters["x"]);
    }

    [Theory]
    [InlineData("1048576\n", 1048576UL)]
    [InlineData("max\n", ulong.MaxValue)]
    [InlineData("-1\n", ulong.MaxValue)]
    [InlineData("9223372036854771712\n", 9223372036854771712UL)]
    [InlineData("\n", null)]
    [InlineData("what", null)]
    public void Numbers_are_parsed(string text, ulong? number) => Assert.Equal(number, CgroupText.Number(text));
}
