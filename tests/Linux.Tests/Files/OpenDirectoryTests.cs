using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class OpenDirectoryTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose()
    {
        Mounts.UnmountAll(_directory.Path);
        DirectoryTree.Delete(_directory["entries"]); // .NET cannot remove a name that is not UTF-8
        _directory.Dispose();
    }

    [Fact]
    public void Steps_below_follow_no_link()
    {
        Directory.CreateDirectory(_directory["real/sub"]);
        Directory.CreateSymbolicLink(_directory["link"], _directory["real"]);
        Directory.CreateSymbolicLink(_directory["real/link"], _directory["real/sub"]);
        using OpenDirectory first = OpenDirectory.TryOpen(_directory["link"])!;
        Assert.Equal((_directory["link"], _directory["real"]), (first.Path, first.ResolvedPath));
        using OpenDirectory sub = first.TryOpenIn("sub")!;
        Assert.Equal((_directory["link/sub"], _directory["real/sub"]), (sub.Path, sub.ResolvedPath));
        LinuxException e = Assert.Throws<LinuxException>(() => first.TryOpenIn("link"));
        Assert.Equal(Errno.ENOTDIR, e.Errno);
    }

    [Fact]
    public void It_stays_the_same_directory_under_another_name()
    {
        Directory.CreateDirectory(_directory["a/sub"]);
        using OpenDirectory open = OpenDirectory.TryOpen(_directory["a"])!;
        Directory.Move(_directory["a"], _directory["b"]);
        Directory.CreateDirectory(_directory["a/other"]);
        Assert.Equal([("sub", true, false)], Entries(open));
        Assert.Equal(_directory["b"], open.ResolvedPath);
        using OpenDirectory? sub = open.TryOpenIn("sub");
        Assert.NotNull(sub);
        Assert.Null(open.TryOpenIn("other"));
    }

    [Fact]
    public void A_missing_directory_is_null_and_another_file_is_an_error()
    {
        File.WriteAllText(_directory["file"], "");
        NativeCalls.CreateFifo(_directory["fifo"]);
        File.CreateSymbolicLink(_directory["dangling"], "/nowhere");
        using OpenDirectory open = OpenDirectory.TryOpen(_directory.Path)!;
        Assert.Null(OpenDirectory.TryOpen(_directory["nothing"]));
        Assert.Null(OpenDirectory.TryOpen(_directory["dangling"]));
        Assert.Null(open.TryOpenIn("nothing"));
        foreach (string name in (string[])["file", "fifo"])
        {
            LinuxException e = Assert.Throws<LinuxException>(() => OpenDirectory.TryOpen(_directory[name]));
            Assert.Equal(Errno.ENOTDIR, e.Errno);
        }
        foreach (string name in (string[])["file", "fifo", "dangling"])
            Assert.Equal(Errno.ENOTDIR, Assert.Throws<LinuxException>(() => open.TryOpenIn(name)).Errno);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("/")]
    [InlineData("../x")]
    public void A_step_is_one_name(string name)
    {
        using OpenDirectory open = OpenDirectory.TryOpen(_directory.Path)!;
        Assert.Throws<ArgumentException>(() => open.TryOpenIn(name));
        Assert.Throws<ArgumentException>(() => open.Unlink(name));
    }

    [Fact]
    public void Entries_have_their_kinds()
    {
        string path = Directory.CreateDirectory(_directory["entries"]).FullName;
        Directory.CreateDirectory($"{path}/directory");
        foreach (string name in (string[])["file", "...", "odd\n\"é\""])
            File.WriteAllText($"{path}/{name}", "");
        NativeCalls.CreateFifo($"{path}/fifo");
        Directory.CreateSymbolicLink($"{path}/link", $"{path}/directory");
        File.CreateSymbolicLink($"{path}/link to a file", $"{path}/file");
        Children.Output(Children.Shell($"mkdir \"{path}/$(printf 'a\\377b')\""));
        using OpenDirectory open = OpenDirectory.TryOpen(path)!;
        (string, bool, bool)[] expected =
        [
            ("...", false, true), ("a\ufffdb", true, false), ("directory", true, false), ("fifo", false, false),
            ("file", false, true), ("link", false, false), ("link to a file", false, false),
            ("odd\n\"é\"", false, true),
        ];
        Assert.Equal(expected, Entries(open));
        Assert.Equal(expected, Entries(open)); // again from the beginning
    }

    [Fact]
    public void Listing_is_complete_and_can_be_stopped()
    {
        for (int i = 0; i < 300; i++) // more than one getdents buffer
            File.WriteAllText(_directory[$"{i:d200}"], "");
        using OpenDirectory open = OpenDirectory.TryOpen(_directory.Path)!;
        Assert.Equal(300, Entries(open).Distinct().Count());
        int seen = 0;
        open.List(_ => ++seen < 7);
        Assert.Equal(7, seen);
        Directory.CreateDirectory(_directory["empty"]);
        using OpenDirectory empty = open.TryOpenIn("empty")!;
        Assert.Empty(Entries(empty));
    }

    [Fact]
    public void Permissions_include_the_set_id_and_sticky_bits()
    {
        foreach (UnixFileMode mode in (UnixFileMode[])[(UnixFileMode)0b010_111_111_111,
            (UnixFileMode)0b001_111_000_000, (UnixFileMode)0b100_101_101_101, UnixFileMode.None])
        {
            Directory.CreateDirectory(_directory["d"]);
            File.SetUnixFileMode(_directory["d"], mode);
            using OpenDirectory open = OpenDirectory.TryOpen(_directory["d"])!;
            Assert.Equal(((uint)mode, TestLibc.geteuid()), (open.Mode, open.Uid));
            File.SetUnixFileMode(_directory["d"], (UnixFileMode)0b111_000_000);
        }
    }

    [Theory]
    [InlineData("tmpfs", 1000, 2000)]
    [InlineData("ramfs", 0, 0)] // has no options for the owner
    [InlineData("hugetlbfs", 1000, 2000)]
    public void A_file_system_in_memory_is_recognized(string type, uint uid, uint gid)
    {
        Requires.Root("mounting");
        string path = Directory.CreateDirectory(_directory["mount"]).FullName;
        using OpenDirectory below = OpenDirectory.TryOpen(path)!;
        try
        {
            string[] options = ["mode=1770", "uid=1000", "gid=2000"];
            Mounts.Mount([new MountSpec { Type = type, Source = type, Options = options }], path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENODEV or Errno.EINVAL)
        {
            Assert.Skip($"this kernel has no {type} with these options");
        }
        using OpenDirectory open = OpenDirectory.TryOpen(path)!;
        Assert.True(open.IsInMemory);
        Assert.Equal(0b001_111_111_000u, open.Mode);
        Assert.Equal((uid, gid), (open.Uid, open.Gid));
        // The covered directory has not changed.
        Assert.Equal(new DriveInfo(_directory.Path).DriveFormat == "tmpfs", below.IsInMemory);
    }

    [Fact]
    public void Unlink_removes_files_and_links_only()
    {
        Directory.CreateDirectory(_directory["directory"]);
        File.WriteAllText(_directory["file"], "");
        File.WriteAllText(_directory["kept"], "");
        File.CreateSymbolicLink(_directory["link"], _directory["kept"]);
        using OpenDirectory open = OpenDirectory.TryOpen(_directory.Path)!;
        Assert.Equal([true, true, false], ((string[])["file", "link", "nothing"]).Select(open.Unlink));
        LinuxException e = Assert.Throws<LinuxException>(() => open.Unlink("directory"));
        Assert.Equal(Errno.EISDIR, e.Errno);
        Assert.StartsWith($"unlink {_directory["directory"]}: ", e.Message, StringComparison.Ordinal);
        Assert.Equal([("directory", true, false), ("kept", false, true)], Entries(open));
    }

    [Fact]
    public void A_directory_that_cannot_be_read_is_an_error()
    {
        Requires.Root("acting as another user");
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0b111_101_101);
        Directory.CreateDirectory(_directory["closed"]);
        File.SetUnixFileMode(_directory["closed"], (UnixFileMode)0b111_000_000);
        const int Nobody = 65534;
        _ = TestLibc.setfsuid(Nobody);
        try
        {
            using OpenDirectory open = OpenDirectory.TryOpen(_directory["closed"])!;
            Assert.Equal((0b111_000_000u, 0u), (open.Mode, open.Uid));
            Assert.Equal(Errno.EACCES, Assert.Throws<LinuxException>(() => Entries(open)).Errno);
            Assert.Equal(Errno.EACCES, Assert.Throws<LinuxException>(() => open.TryOpenIn("x")).Errno);
        }
        finally
        {
            _ = TestLibc.setfsuid(0);
        }
    }

    [Fact]
    public void Descriptors_are_closed() => PeerProcess.Run(CountDescriptors);

    internal static void CountDescriptors()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory["a/b"]);
        File.WriteAllText(directory["a/file"], "");
        Use(directory.Path); // the first time the runtime opens files
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        Use(directory.Path);
        Assert.Equal(before, Directory.GetFileSystemEntries("/proc/self/fd").Length);

        static void Use(string path)
        {
            using OpenDirectory open = OpenDirectory.TryOpen(path)!;
            using OpenDirectory a = open.TryOpenIn("a")!;
            Assert.Equal(2, Entries(a).Length);
            a.List(static _ => false);
            Assert.Throws<InvalidOperationException>(() => a.List(static _ => throw new InvalidOperationException()));
            Assert.Throws<LinuxException>(() => a.TryOpenIn("file"));
            Assert.Null(a.TryOpenIn("nothing"));
            _ = a.IsInMemory;
            _ = a.ResolvedPath;
        }
    }

    private static (string Name, bool IsDirectory, bool IsRegular)[] Entries(OpenDirectory open)
    {
        List<(string, bool, bool)> entries = [];
        open.List(entry =>
        {
            entries.Add((entry.Name, entry.IsDirectory, entry.IsRegular));
            return true;
        });
        entries.Sort(static (one, other) => string.CompareOrdinal(one.Item1, other.Item1));
        return [.. entries];
    }
}
