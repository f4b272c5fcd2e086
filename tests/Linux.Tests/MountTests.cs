using System.Text;

namespace Linux.Tests;

/// <summary>With real mounts; root only.</summary>
public sealed class MountTests : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly string rootfs;

    public MountTests()
    {
        Requires.Root("mounting");
        rootfs = Directory.CreateDirectory(directory["root fs"]).FullName;
    }

    public void Dispose()
    {
        if (rootfs is not null)
            Mounts.UnmountAll(rootfs);
        directory.Dispose();
    }

    private static MountSpec Tmpfs(string target = "", params string[] options) =>
        new() { Type = "tmpfs", Source = "tmpfs", Target = target, Options = options };

    private List<string> Mounted() => Mounts.MountPointsUnder(File.ReadAllText("/proc/self/mountinfo"), rootfs);

    private string OptionsOf(string point)
    {
        string? options = null;
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
        {
            if (MountInfo.TryParse(line, out MountInfo info) && MountInfo.Decode(info.MountPoint) == point)
                options = info.Options.ToString();
        }
        return options ?? throw new InvalidOperationException($"{point} is not mounted");
    }

    [Fact]
    public void A_list_is_mounted_in_order_and_unmounted()
    {
        Mounts.Mount([Tmpfs("", "size=1m", "nosuid", "X-containerd.x=y")], rootfs);
        Directory.CreateDirectory($"{rootfs}/inner/dir");
        Mounts.Mount([Tmpfs("inner/dir", "ro"), Tmpfs("/inner/dir")], rootfs); // stacked
        Assert.Equal([rootfs, $"{rootfs}/inner/dir", $"{rootfs}/inner/dir"], Mounted());
        Assert.Contains("nosuid", OptionsOf(rootfs), StringComparison.Ordinal);
        Mounts.UnmountAll(rootfs + "/");
        Assert.Empty(Mounted());
        Assert.Empty(Directory.GetFileSystemEntries(rootfs));
    }

    [Fact]
    public void Read_only_bind()
    {
        string source = Directory.CreateDirectory(directory["source"]).FullName;
        File.WriteAllText($"{source}/file", "x");
        Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["rbind", "ro", "nodev", "rprivate"] }],
            rootfs);
        Assert.Equal("x", File.ReadAllText($"{rootfs}/file"));
        LinuxException e = Assert.Throws<LinuxException>(
            () => Descriptor.Open($"{rootfs}/file", OpenFlags.O_WRONLY).Dispose());
        Assert.Equal(Errno.EROFS, e.Errno);
        Assert.Contains("nodev", OptionsOf(rootfs), StringComparison.Ordinal);
        File.WriteAllText($"{source}/file", "the source stays writable");
    }

    [Fact]
    public void Remount_changes_flags()
    {
        Mounts.Mount([Tmpfs()], rootfs);
        Mounts.Mount([Tmpfs("", "remount", "ro")], rootfs);
        Assert.StartsWith("ro", OptionsOf(rootfs), StringComparison.Ordinal);
        Assert.Single(Mounted());
    }

    [Fact]
    public void Overlay_with_more_options_than_a_page()
    {
        // 70 layers of names as long as snapshotters have them.
        List<string> lowers = [];
        for (int i = 0; i < 70; i++)
        {
            string lower = directory[$"snapshots/{i:d3}-{new string('l', 60)}/fs"];
            Directory.CreateDirectory(lower);
            File.WriteAllText($"{lower}/file{i}", $"{i}");
            lowers.Add(lower);
        }
        Directory.CreateDirectory(directory["snapshots/up"]);
        Directory.CreateDirectory(directory["snapshots/work"]);
        // All of them too long even when relative.
        AssertTooLong(lowers);
        List<string> some = lowers[..45];
        Assert.True(Encoding.UTF8.GetByteCount(string.Join(':', some)) > 4096);
        string before = Environment.CurrentDirectory;
        try
        {
            Mounts.Mount([Overlay(some)], rootfs);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENODEV)
        {
            Assert.Skip("this kernel has no overlay");
        }
        Assert.Equal(before, Environment.CurrentDirectory);
        for (int i = 0; i < some.Count; i++)
            Assert.Equal($"{i}", File.ReadAllText($"{rootfs}/file{i}"));
        File.WriteAllText($"{rootfs}/new", "x");
        Assert.True(File.Exists(directory["snapshots/up/new"]));
    }

    private MountSpec Overlay(List<string> lowers) => new()
    {
        Type = "overlay",
        Source = "overlay",
        Options = [$"lowerdir={string.Join(':', lowers)}", $"upperdir={directory["snapshots/up"]}",
            $"workdir={directory["snapshots/work"]}"],
    };

    private void AssertTooLong(List<string> lowers)
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount([Overlay(lowers)], rootfs));
        Assert.Equal(Errno.E2BIG, e.Errno);
        Assert.Contains("do not fit into a page", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_leaves_nothing_mounted()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount(
            [Tmpfs(), Tmpfs(), new MountSpec { Type = "nosuchfs", Source = "none" }], rootfs));
        Assert.Equal(Errno.ENODEV, e.Errno);
        Assert.Contains($"nosuchfs none on {rootfs}", e.Message, StringComparison.Ordinal);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void Links_are_not_followed()
    {
        string outside = Directory.CreateDirectory(directory["outside"]).FullName;
        File.CreateSymbolicLink($"{rootfs}/link", outside);
        Directory.CreateDirectory($"{outside}/below");
        foreach (string target in (string[])["link", "link/below"])
        {
            LinuxException e = Assert.Throws<LinuxException>(() => Mounts.Mount([Tmpfs(), Tmpfs(target)], rootfs));
            Assert.True(e.Errno is Errno.ELOOP or Errno.ENOENT, e.Message); // the first tmpfs hides the link
            e = Assert.Throws<LinuxException>(() => Mounts.Mount([Tmpfs(target)], rootfs));
            Assert.Equal(Errno.ELOOP, e.Errno);
        }
        Assert.Empty(Mounted());
        Assert.Empty(Mounts.MountPointsUnder(File.ReadAllText("/proc/self/mountinfo"), outside));
    }

    [Fact]
    public void Busy_mounts_are_detached()
    {
        Mounts.Mount([Tmpfs()], rootfs);
        using Descriptor user = Descriptor.Open($"{rootfs}/open", OpenFlags.O_RDWR | OpenFlags.O_CREAT);
        Mounts.UnmountAll(rootfs);
        Assert.Empty(Mounted());
        Assert.Equal(1, user.TryWrite("x"u8, out _)); // whoever had it open keeps it
    }

    [Fact]
    public void Unmounting_through_a_link_in_the_parent_works_and_the_directory_itself_is_not_followed()
    {
        File.CreateSymbolicLink(directory["alias"], directory.Path);
        Mounts.Mount([Tmpfs()], rootfs);
        File.CreateSymbolicLink(directory["direct"], rootfs);
        Mounts.UnmountAll(directory["direct"]);
        Assert.Single(Mounted());
        Mounts.UnmountAll(directory["alias/root fs"]);
        Assert.Empty(Mounted());
    }

    [Fact]
    public void Delete_does_not_enter_a_mount()
    {
        Mounts.Mount([Tmpfs()], rootfs);
        File.WriteAllText($"{rootfs}/kept", "x");
        LinuxException e = Assert.Throws<LinuxException>(() => DirectoryTree.Delete(rootfs));
        Assert.Equal(Errno.EBUSY, e.Errno);
        Mounts.UnmountAll(rootfs);

        // A bind mount of the same file system has the same device.
        string source = Directory.CreateDirectory(directory["source"]).FullName;
        File.WriteAllText($"{source}/kept", "x");
        Mounts.Mount([new MountSpec { Type = "bind", Source = source, Options = ["bind"] }], rootfs);
        Assert.Equal(Errno.EBUSY, Assert.Throws<LinuxException>(() => DirectoryTree.Delete(rootfs)).Errno);
        Assert.True(File.Exists($"{source}/kept"));
    }
}
