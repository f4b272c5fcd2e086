using System.Text;
using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class FileTests
{
    [Fact]
    public void Every_descriptor_is_close_on_exec()
    {
        using TempDirectory directory = new();
        using Descriptor opened = Descriptor.Open(directory["file"], OpenFlags.O_RDWR | OpenFlags.O_CREAT);
        using Descriptor path = Descriptor.Open(directory.Path, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY);
        using Descriptor below = path.OpenAt("file", OpenFlags.O_RDONLY);
        using Descriptor duplicate = opened.Duplicate();
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
        (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
        foreach (Descriptor descriptor in (Descriptor[])
            [opened, path, below, duplicate, read, write, one, other, master, slave])
        {
            Assert.Equal(1, Libc.fcntl(descriptor, TestLibc.F_GETFD, 0));
            descriptor.Dispose();
            Assert.Throws<ObjectDisposedException>(() => descriptor.Fd);
        }
    }

    [Fact]
    public void Inheriting_a_closed_descriptor_is_an_error()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Descriptor.Inherit(1_000_000));
        Assert.Equal("inherit descriptor fd 1000000: Bad file descriptor (EBADF)", e.Message);
    }

    [Fact]
    public void Errors_name_the_call_and_its_target()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => Descriptor.Open("/no/such", OpenFlags.O_RDONLY));
        Assert.Equal("open /no/such: No such file or directory (ENOENT)", e.Message);
        Assert.Equal(Errno.ENOENT, e.Errno);
    }

    [Fact]
    public void Replace_swaps_the_content_and_does_not_follow_links()
    {
        using TempDirectory directory = new();
        AtomicFile.Replace(directory["state"], "one"u8);
        Assert.Equal("one", File.ReadAllText(directory["state"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory["state"]));
        using FileStream old = File.OpenRead(directory["state"]);
        AtomicFile.Replace(directory["state"], "two"u8);
        Assert.Equal('o', old.ReadByte()); // a reader keeps the old file
        Assert.Equal("two", File.ReadAllText(directory["state"]));

        File.WriteAllText(directory["other"], "untouched");
        File.CreateSymbolicLink(directory["link"], directory["other"]);
        AtomicFile.Replace(directory["link"], "three"u8);
        Assert.Equal("untouched", File.ReadAllText(directory["other"]));
        Assert.Equal("three", File.ReadAllText(directory["link"]));
        Assert.Equal(3, Directory.GetFileSystemEntries(directory.Path).Length); // no temporary file is left
    }

    [Fact]
    public void A_failed_replace_leaves_no_file()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory["taken"]);
        LinuxException e = Assert.Throws<LinuxException>(() => AtomicFile.Replace(directory["taken"], "x"u8));
        Assert.Equal(Errno.EISDIR, e.Errno);
        Assert.Single(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void Delete_removes_the_tree_and_nothing_else()
    {
        using TempDirectory directory = new();
        string tree = directory["tree"];
        for (int i = 0; i < 300; i++) // more than one getdents buffer
        {
            Directory.CreateDirectory($"{tree}/d{i % 7}/{new string('n', 100)}");
            File.WriteAllText($"{tree}/d{i % 7}/file-{i:d100}", "x");
        }
        Directory.CreateDirectory(directory["outside"]);
        File.WriteAllText(directory["outside/kept"], "kept");
        File.CreateSymbolicLink($"{tree}/link", directory["outside"]);
        File.CreateSymbolicLink($"{tree}/dangling", "/nowhere");
        NativeCalls.CreateFifo($"{tree}/fifo");

        // A name that is not UTF-8, as in some images.
        Children.Output(Children.Shell($"mkdir '{tree}/sub' && touch \"{tree}/sub/$(printf 'a\\377b')\""));
        DirectoryTree.Delete($"{tree}/");
        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists(directory["outside/kept"]));

        File.CreateSymbolicLink(tree, directory["outside"]);
        DirectoryTree.Delete(tree); // the link itself
        Assert.True(File.Exists(directory["outside/kept"]));
        DirectoryTree.Delete(tree); // nothing there
        DirectoryTree.Delete("/no/such/tree");
        Assert.Throws<ArgumentException>(() => DirectoryTree.Delete("/"));
        Assert.Throws<ArgumentException>(() => DirectoryTree.Delete("a/.."));
    }

    [Fact]
    public void Delete_is_bounded_in_depth()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory[string.Join('/', Enumerable.Repeat("d", 80))]);
        LinuxException e = Assert.Throws<LinuxException>(() => DirectoryTree.Delete(directory["d"]));
        Assert.Equal(Errno.ELOOP, e.Errno);
    }

    [Fact]
    public void Private_directories_have_random_names_and_mode_0700()
    {
        using TempDirectory directory = new();
        string one = PrivateDirectory.Create(directory.Path, "x-");
        string other = PrivateDirectory.Create(directory.Path + "/", "x-");
        Assert.NotEqual(one, other);
        Assert.StartsWith(directory["x-"], other, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(one));
        Assert.Equal(Errno.ENOENT,
            Assert.Throws<LinuxException>(() => PrivateDirectory.Create("/no/such", "x")).Errno);
    }

    [Fact]
    public void A_reader_can_leave_and_return()
    {
        using TempDirectory directory = new();
        string path = directory["fifo"];
        Assert.False(Fifo.Is(path));
        NativeCalls.CreateFifo(path);
        Assert.True(Fifo.Is(path));
        Assert.False(Fifo.Is(directory.Path));
        Assert.False(Fifo.Is("/no/such/fifo"));
        Loops.Run(async loop =>
        {
            DescriptorStream writer = new(loop, Fifo.OpenWrite(path)); // there is no reader yet
            Descriptor kept = NativeCalls.OpenFifoToRead(path); // prevents EPIPE while there is no other reader
            byte[] buffer = new byte[16];
            using (DescriptorStream reader = new(loop, NativeCalls.OpenFifoToRead(path)))
            {
                await writer.WriteAsync("one"u8.ToArray());
                Assert.Equal(3, await reader.ReadAsync(buffer));
            }
            await writer.WriteAsync("two"u8.ToArray());
            using (DescriptorStream reader = new(loop, NativeCalls.OpenFifoToRead(path)))
            {
                Assert.Equal(3, await reader.ReadAsync(buffer));
                ValueTask<int> end = reader.ReadAsync(buffer);
                writer.Dispose();
                kept.Dispose();
                Assert.Equal(0, await end); // the last writer is gone: end of file
            }
            using DescriptorStream alone = new(loop, Fifo.OpenWrite(path));
            LinuxException e = await Assert.ThrowsAsync<LinuxException>(
                async () => await alone.WriteAsync("x"u8.ToArray()));
            Assert.Equal(Errno.EPIPE, e.Errno);
        });
    }

    [Fact]
    public void Writing_to_a_full_fifo_waits_for_its_reader()
    {
        using TempDirectory directory = new();
        NativeCalls.CreateFifo(directory["fifo"]);
        Loops.Run(async loop =>
        {
            using DescriptorStream both = new(loop, Fifo.OpenBoth(directory["fifo"]));
            byte[] data = new byte[200_000];
            Random.Shared.NextBytes(data);
            Task write = both.WriteAsync(data).AsTask();
            Assert.False(write.IsCompleted);
            byte[] back = new byte[data.Length];
            await both.ReadExactlyAsync(back);
            await write;
            Assert.Equal(data, back);
        });
    }

    [Fact]
    public void Other_files_are_rejected()
    {
        using TempDirectory directory = new();
        File.WriteAllText(directory["file"], "");
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Fifo.OpenBoth(directory["file"])).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => Fifo.OpenWrite(directory["none"])).Errno);
    }

    [Fact]
    public void Memory_file_is_read_from_its_beginning()
    {
        using Descriptor file = MemoryFile.Create("test");
        byte[] content = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 5000)));
        Assert.Equal(content.Length, file.TryWrite(content, out _));
        Assert.Equal(content, MemoryFile.Read(file, 1 << 20));
        Assert.Equal(content[..100], MemoryFile.Read(file, 100));
    }
}
