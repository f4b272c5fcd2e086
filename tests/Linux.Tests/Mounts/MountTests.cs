using System.Text;

namespace Linux.Tests;

/// <summary>Uses real mounts, so it needs root.</summary>
public sealed class MountTests : IDisposable
{
    private readonly TempDirectory _directory;
    private readonly string _rootfs;

    public MountTests()
    {
        Requires.Root("mounting");
        _directory = new TempDirectory();
        _rootfs = Directory.CreateDirectory(_directory["root fs"]).FullName;
    }

    public void Dispose()
    {
        Mounts.UnmountAll(_rootfs);
        _directory.Dispose();
    }

    private static MountSpec Tmpfs(string target = "", params string[] options) =>
        new() { Type = "tmpfs", Source = "tmpfs", Target = target, Options = options };

    private List<string> Mounted() => Mounts.MountPointsUnder(File.ReadAllText("/proc/self/mountinfo"), _rootfs);

    /// <summary>Field 6 of the mount's line in mountinfo.</summary>
    private static string OptionsOf(string point) => File.ReadLines("/proc/self/mountinfo")
        .Select(static line => line.Split(' ')).Last(fields => MountInfo.Decode(fields[4]) == point)[5];

    [Fact]
    public void A_list_is_mounted_in_order_and_unmounted()
    {
        Mounts.Mount([Tmpfs("", "size=1m", "nosuid", "X-containerd.x=y")], _rootfs);
        Directory.CreateDirectory($"{_rootfs}/inner/dir");
        Mounts.Mount([Tmpfs("inner/dir", "ro"), Tmpfs("/inner/dir")], _rootfs); // stacked
        Assert.Equal([_rootfs, $"{_rootfs}/inner/dir", $"{_rootfs}/inner/dir"], Mounted());
        Assert.Contains("nosuid", OptionsOf(_rootfs), StringComparison.Ordinal);
        Mounts.UnmountAll(_rootfs + "/");
        Assert.Empty(Mounted());
        Assert.Empty(Directory.GetFileSystemEntries(_rootfs));
    }

    [Fact]
    public void A_bind_mount_can_be_read_only()
    {
        string source = Directory.CreateDirectory(_directory["source"]).FullName;
        File.WriteAllText($"{source}/file", "x");
        Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["rbind", "ro", "nodev", "rprivate"] }],
            _rootfs);
        Assert.Equal("x", File.ReadAllText($"{_rootfs}/file"));
        LinuxException e = Assert.Throws<LinuxException>(
            () => Descriptor.Open($"{_rootfs}/file", OpenFlags.O_WRONLY).Dispose());
        Assert.Equal(Errno.EROFS, e.Errno);
        Assert.Contains("nodev", OptionsOf(_rootfs), StringComparison.Ordinal);
        File.WriteAllText($"{source}/file", "the source stays writable");
    }

    [Fact]
    public void Remount_changes_flags()
    {
        Mounts.Mount([Tmpfs()], _rootfs);
        Mounts.Mount([Tmpfs("", "remount", "ro")], _rootfs);
        Assert.StartsWith("ro", OptionsOf(_rootfs), StringComparison.Ordinal);
        Assert.Single(Mounted());
    }

    [Fact]
    public void An_overlay_can_have_more_options_than_a_page()
    {
        // 70 layers with names as long as those of snapshotters.
        List<string> lowers = [];
        for (int i = 0; i < 70; i++)
        {
            string lower = _directory[$"snapshots/{i:d3}-{new string('l', 60)}/fs"];
            Directory.CreateDirectory(lower);
            File.WriteAllText($"{lower}/file{i}", $"{i}");
            lowers.Add(lower);
        }
        Directory.CreateDirectory(_directory["snapshots/up"]);
        Directory.CreateDirectory(_directory["snapshots/work"]);
        // All of them are too long even as relative paths.
        AssertTooLong(lowers);
        List<string> some = lowers[..45];
        Assert.True(Encoding.UTF8.GetByteCount(string.Join(':', some)) > 4096);
        string before = Environment.CurrentDirectory;
        try
        {
            Mounts.Mount([Overlay(some)], _rootfs);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENODEV)
        {
            Assert.Skip("this kernel has no overlay");
        }
        Assert.Equal(before, Environment.CurrentDirectory);
        for (int i = 0; i < some.Count; i++)
            Assert.Equal($"{i}", File.ReadAllText($"{_rootfs}/file{i}"));
        File.WriteAllText($"{_rootfs}/new", "x");
        Assert.True(File.Exists(_directory["snapshots/up/new"]));
    }

    private MountSpec Overlay(List<string> lowers) => new()
    {
        Type = "overlay",
        Source = "overlay",
        Options = [$"lowerdir={string.Join(':', lowers)}", $"upperdir={_directory["snapshots/up"]}",
            $"workdir={_directory["snapshots/work"]}"],
    };

    private void AssertTooLong(List<string> lowers)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount([Overlay(lowers)], _rootfs));
        Assert.Equal(Errno.E2BIG, e.Errno);
        Assert.Contains("do not fit into a page", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_leaves_nothing_mounted()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [Tmpfs(), Tmpfs(), new MountSpec { Type = "nosuchfs", Source = "none" }], _rootfs));
        Assert.Equal(Errno.ENODEV, e.Errno);
        Assert.Contains($"nosuchfs none on {_rootfs}", e.Message, StringComparison.Ordinal);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void Links_are_not_followed()
    {
        string outside = Directory.CreateDirectory(_directory["outside"]).FullName;
        File.CreateSymbolicLink($"{_rootfs}/link", outside);
        Directory.CreateDirectory($"{outside}/below");
        foreach (string target in (string[])["link", "link/below"])
        {
            LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount([Tmpfs(), Tmpfs(target)], _rootfs));
            Assert.True(e.Errno is Errno.ELOOP or Errno.ENOENT, e.Message); // the first tmpfs hides the link
            e = Assert.Throws<LinuxException>(() => Mounts.Mount([Tmpfs(target)], _rootfs));
            Assert.Equal(Errno.ELOOP, e.Errno);
        }
        Assert.Empty(Mounted());
        Assert.Empty(Mounts.MountPointsUnder(File.ReadAllText("/proc/self/mountinfo"), outside));
    }

    [Fact]
    public void Busy_mounts_are_detached()
    {
        Mounts.Mount([Tmpfs()], _rootfs);
        using Descriptor user = Descriptor.Open($"{_rootfs}/open", OpenFlags.O_RDWR | OpenFlags.O_CREAT);
        Mounts.UnmountAll(_rootfs);
        Assert.Empty(Mounted());
        Assert.Equal(1, user.TryWrite("x"u8, out _)); // open files stay usable
    }

    [Fact]
    public void UnmountAll_follows_links_in_the_parent_but_not_the_directory()
    {
        File.CreateSymbolicLink(_directory["alias"], _directory.Path);
        Mounts.Mount([Tmpfs()], _rootfs);
        File.CreateSymbolicLink(_directory["direct"], _rootfs);
        Mounts.UnmountAll(_directory["direct"]);
        Assert.Single(Mounted());
        Mounts.UnmountAll(_directory["alias/root fs"]);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void Delete_does_not_enter_a_mount()
    {
        Mounts.Mount([Tmpfs()], _rootfs);
        File.WriteAllText($"{_rootfs}/kept", "x");
        LinuxException e = Assert.Throws<LinuxException>(() => DirectoryTree.Delete(_rootfs));
        Assert.Equal(Errno.EBUSY, e.Errno);
        Mounts.UnmountAll(_rootfs);

        // A bind mount of the same file system has the same device number.
        string source = Directory.CreateDirectory(_directory["source"]).FullName;
        File.WriteAllText($"{source}/kept", "x");
        Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["bind"] }], _rootfs);
        Assert.Equal(Errno.EBUSY, Assert.Throws<LinuxException>(() => DirectoryTree.Delete(_rootfs)).Errno);
        Assert.True(File.Exists($"{source}/kept"));
    }

    [Fact]
    public async Task A_file_is_mounted_by_a_loop_device_that_is_gone_afterwards()
    {
        string file = await MakeImageAsync();
        Mounts.Mount([new MountSpec { Type = "ext4", Source = file, Options = ["loop", "ro"] }], _rootfs);
        Assert.True(Directory.Exists($"{_rootfs}/lost+found"));
        Assert.Single(LoopDevices.Of(file));
        Mounts.UnmountAll(_rootfs);
        await Eventually.TrueAsync("the device is free", () => LoopDevices.Of(file).Count == 0);
    }

    [Fact]
    public async Task A_file_that_cannot_be_mounted_leaves_no_loop_device()
    {
        string file = _directory["image"];
        await File.WriteAllBytesAsync(file, new byte[1 << 20]);
        LinuxException e = Assert.Throws<LinuxException>(() =>
            Mounts.Mount([new MountSpec { Type = "ext4", Source = file, Options = ["loop"] }], _rootfs));
        Assert.Contains($"ext4 {file} on {_rootfs}", e.Message, StringComparison.Ordinal);
        await Eventually.TrueAsync("the device is free", () => LoopDevices.Of(file).Count == 0);
    }

    [Fact]
    public async Task Files_are_mounted_at_the_same_time()
    {
        string file = await MakeImageAsync();
        string[] roots = [.. Enumerable.Range(0, 20).Select(i => Directory.CreateDirectory($"{_rootfs}/{i}").FullName)];
        await Parallel.ForEachAsync(roots, (root, _) =>
        {
            Mounts.Mount([new MountSpec { Type = "ext4", Source = file, Options = ["loop", "ro"] }], root);
            return ValueTask.CompletedTask;
        });
        Assert.Equal(roots.Length, LoopDevices.Of(file).Count);
        Mounts.UnmountAll(_rootfs);
        await Eventually.TrueAsync("the devices are free", () => LoopDevices.Of(file).Count == 0);
    }

    private const string Uids = "uidmap=0:100000:65536", Gids = "gidmap=0:200000:65536";

    [Fact]
    public void A_bind_mount_with_other_ids()
    {
        string source = Directory.CreateDirectory(_directory["source"]).FullName;
        File.WriteAllText($"{source}/file", "x");
        Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["rbind", "ro", Uids, Gids] }],
            _rootfs);
        Assert.Equal((100000u, 200000u), OwnerOf($"{_rootfs}/file"));
        Assert.StartsWith("ro", OptionsOf(_rootfs), StringComparison.Ordinal);
        Assert.Equal((0u, 0u), OwnerOf($"{source}/file"));
        Mounts.UnmountAll(_rootfs);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void An_overlay_with_other_ids()
    {
        foreach (string name in (string[])["layers/1/fs", "layers/2/fs", "upper", "work"])
            Directory.CreateDirectory(_directory[name]);
        File.WriteAllText(_directory["layers/1/fs/one"], "1");
        File.WriteAllText(_directory["layers/2/fs/two"], "2");
        Mounts.Mount([new MountSpec
        {
            Type = "overlay",
            Source = "overlay",
            Options = [Uids, Gids, $"lowerdir={_directory["layers/1/fs"]}:{_directory["layers/2/fs"]}",
                $"upperdir={_directory["upper"]}", $"workdir={_directory["work"]}"],
        }], _rootfs);
        Assert.Equal((100000u, 200000u), OwnerOf($"{_rootfs}/one"));
        Assert.Equal((100000u, 200000u), OwnerOf($"{_rootfs}/two"));
        File.WriteAllText($"{_rootfs}/new", "3");
        Assert.True(File.Exists(_directory["upper/new"]));
        Mounts.UnmountAll(_rootfs);
        Assert.Empty(Mounted());
        Assert.Equal((0u, 0u), OwnerOf(_directory["layers/1/fs/one"]));
    }

    [Fact]
    public void A_file_system_that_cannot_have_other_ids_is_named()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [new MountSpec { Type = "proc", Source = "proc", Options = [Uids, Gids] }], _rootfs));
        Assert.Contains("cannot be mounted with other ids", e.Message, StringComparison.Ordinal);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void Ids_that_overlap_are_refused_and_leave_no_process()
    {
        int before = ProcFs.Children(Environment.ProcessId).Count;
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [new MountSpec { Type = "bind", Source = _directory.Path, Options = ["bind", "uidmap=0:1:9,0:5:9", Gids] }],
            _rootfs));
        Assert.Equal(Errno.EINVAL, e.Errno);
        Assert.Equal(before, ProcFs.Children(Environment.ProcessId).Count);
    }

    private static (uint, uint) OwnerOf(string path)
    {
        FileStatus status = FileStatus.Of(path);
        return (status.Uid, status.Gid);
    }

    private async Task<string> MakeImageAsync()
    {
        string file = _directory["image"];
        await File.WriteAllBytesAsync(file, new byte[4 << 20]);
        (await Command.RunAsync("mkfs.ext4", ["-q", file])).Succeeded();
        return file;
    }
}
