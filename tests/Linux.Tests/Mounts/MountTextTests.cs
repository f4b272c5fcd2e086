namespace Linux.Tests;

public sealed class MountTextTests
{
    [Theory]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
        "/mnt1", "/mnt2", "ext3", "rw,errors=continue")]
    [InlineData("25 30 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
        "/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")]
    [InlineData("40 1 0:5 / /a rw shared:1 master:2 propagate_from:3 unbindable - tmpfs none rw",
        "/", "/a", "tmpfs", "rw")]
    [InlineData("41 1 0:5 / /with\\040space\\134 rw - fuse.x\\040y src\\011tab rw",
        "/", "/with space\\", "fuse.x\\040y", "rw")]
    [InlineData("42 1 0:5 / /a rw - sysfs  rw", "/", "/a", "sysfs", "rw")]
    public void Mountinfo_lines_are_parsed(string line, string root, string point, string type, string superOptions)
    {
        Assert.True(MountInfo.TryParse(line, out MountInfo info));
        Assert.Equal(root, MountInfo.Decode(info.Root));
        Assert.Equal(point, MountInfo.Decode(info.MountPoint));
        Assert.Equal(type, info.Type.ToString());
        Assert.Equal(superOptions, info.SuperOptions.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("x 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw")]
    [InlineData("36 35 98:0 /mnt1 /mnt2 rw ext3 /dev/root rw")]
    [InlineData("36 35 98:0 /mnt1")]
    public void Malformed_lines_are_rejected(string line) => Assert.False(MountInfo.TryParse(line, out _));

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("\\040\\011\\012\\134\\043", " \t\n\\#")]
    [InlineData("cut\\04", "cut\\04")]
    [InlineData("no\\049octal", "no\\049octal")]
    public void Escapes_are_decoded(string field, string text) => Assert.Equal(text, MountInfo.Decode(field));

    [Fact]
    public void Mount_points_under_a_directory_are_found_in_order()
    {
        const string Text = """
            1 0 0:1 / / rw - ext4 /dev/a rw
            2 1 0:2 / /run/b rw - overlay overlay rw
            3 2 0:3 / /run/b/proc\040fs rw - proc proc rw
            4 2 0:4 / /run/b rw - tmpfs tmpfs rw
            5 1 0:5 / /run/bb rw - tmpfs tmpfs rw
            6 1 0:6 / /run rw - tmpfs tmpfs rw
            """;
        Assert.Equal(["/run/b", "/run/b/proc fs", "/run/b"], Mounts.MountPointsUnder(Text, "/run/b"));
    }

    [Fact]
    public void Options_become_flags_and_data()
    {
        MountOptions options = MountOptions.Parse(["rbind", "ro", "nosuid", "rw", "ro", "suid", "rprivate", "size=1m",
            "X-containerd.custom=1", "mode=755", ""]);
        Assert.Equal(MountFlags.MS_BIND | MountFlags.MS_REC | MountFlags.MS_RDONLY, options.Flags);
        Assert.Equal(MountFlags.MS_PRIVATE | MountFlags.MS_REC, options.Propagation);
        Assert.Equal("size=1m,mode=755", options.Data);
    }

    [Fact]
    public void Options_that_are_more_than_flags()
    {
        MountOptions options = MountOptions.Parse(
            ["loop", "ro", "X-mount.mkdir", "x-systemd.automount", "uidmap=0:100000:65536,65536:7:1", "gidmap=0:5:1"]);
        Assert.True(options.IsLoop);
        Assert.Equal("", options.Data);
        Assert.Equal(new IdMapping("0 100000 65536\n65536 7 1\n", "0 5 1\n"), options.Ids);
    }

    [Theory]
    [InlineData("uidmap=0:1000:1")]
    [InlineData("gidmap=0:1000:1")]
    [InlineData("uidmap=0:1000", "gidmap=0:1000:1")]
    [InlineData("uidmap=0:1000:1", "gidmap=0:1000:-1")]
    [InlineData("uidmap=", "gidmap=")]
    [InlineData("uidmap=0:1000:1\n1", "gidmap=0:1000:1")]
    public void Maps_of_ids_that_are_not_understood_are_rejected(params string[] options)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => MountOptions.Parse(options));
        Assert.Equal(Errno.EINVAL, e.Errno);
        Assert.Contains("idmap=", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("format/mkdir/overlay", "overlay", "", "format/mkdir/overlay")]
    [InlineData("overlay", "overlay", "upperdir={{ mount 0 }}/upper", "overlay upperdir={{ mount 0 }}/upper")]
    [InlineData("bind", "{{ mount 1 }}", "", "bind {{ mount 1 }}")]
    public void Mounts_that_containerd_was_to_resolve_are_rejected(
        string type, string source, string option, string named)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [new MountSpec { Type = type, Source = source, Options = [option] }], Path.GetTempPath()));
        Assert.Equal(Errno.EOPNOTSUPP, e.Errno);
        Assert.StartsWith($"mount {named}: only containerd's mount manager can resolve it", e.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    public void Targets_outside_of_the_root_are_rejected(string target)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [new MountSpec { Type = "tmpfs", Source = "tmpfs", Target = target }], Path.GetTempPath()));
        Assert.Equal(Errno.EINVAL, e.Errno);
    }

    [Fact]
    public void Only_absolute_directories_below_the_root_are_accepted()
    {
        Assert.Throws<ArgumentException>(() => Mounts.UnmountAll("/"));
        Assert.Throws<ArgumentException>(() => Mounts.UnmountAll("relative"));
        Assert.Throws<ArgumentException>(() => Mounts.Mount([], "//./"));
        Mounts.UnmountAll("/no/such/directory");
    }
}
