using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class DescriptorTests
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
}
