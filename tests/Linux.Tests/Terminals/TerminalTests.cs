using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class TerminalTests
{
    [Fact]
    public void Size_is_visible_on_the_other_side()
    {
        (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
        using (master)
        using (slave)
        {
            Pty.Resize(master, 132, 43);
            Assert.Equal((132, 43), NativeCalls.TerminalSize(slave));
            Assert.Equal("43 132\n", Children.Output(
                new SpawnRequest { Path = "stty", Arguments = ["stty", "size"], Descriptors = [slave] }));
            Assert.True(Pty.IsMaster(master));
            Assert.False(Pty.IsMaster(slave));
            Assert.Throws<ArgumentOutOfRangeException>(() => Pty.Resize(master, 65536, 1));
        }
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        using (write)
        using (read)
        {
            Assert.False(Pty.IsMaster(read));
            Assert.Equal(Errno.ENOTTY, Assert.Throws<LinuxException>(() => Pty.Resize(read, 1, 1)).Errno);
        }
    }

    [Fact]
    public void Closing_the_last_slave_is_the_end_of_file()
    {
        Loops.Run(async loop =>
        {
            (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
            using DescriptorStream stream = new(loop, master);
            int pid;
            using (slave)
                pid = Spawner.Spawn(Children.Shell("read line; echo \"got $line\"") with
                {
                    Descriptors = [slave, slave, slave],
                });
            await stream.WriteAsync("input\n"u8.ToArray());
            // The terminal echoes and turns newlines into CR LF; at the end read(2) fails with EIO.
            Assert.Equal("input\r\ngot input\r\n", await Streams.ReadToEnd(stream));
            Assert.Equal(0, Children.Wait(pid));
        });
    }

    [Fact]
    public void Console_socket_hands_over_the_master()
    {
        using TempDirectory directory = new();
        Loops.Run(async loop =>
        {
            string path;
            using (ConsoleSocket console = ConsoleSocket.Create(directory.Path))
            {
                path = console.Path;
                Task<Descriptor> receive = console.ReceiveMasterAsync(TimeSpan.FromSeconds(10));
                (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
                using (slave)
                {
                    using (UnixConnection runtime = await UnixSocket.ConnectAsync(path))
                    using (master)
                    {
                        // First bytes without a descriptor: some runtimes send the name separately.
                        await runtime.Stream.WriteAsync("/dev/ptmx"u8.ToArray());
                        await Task.Yield();
                        NativeCalls.SendDescriptors(runtime.Stream.Descriptor, "x"u8, [master]);
                    }
                    using Descriptor received = await receive;
                    Pty.Resize(received, 10, 20);
                    Assert.Equal((10, 20), NativeCalls.TerminalSize(slave));
                    Assert.Equal(1, Libc.fcntl(received, TestLibc.F_GETFD, 0));
                }
            }
            Assert.False(Directory.Exists(Path.GetDirectoryName(path)));
            Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
        });
    }

    [Fact]
    public void Console_socket_rejects_other_descriptors_and_times_out()
    {
        using TempDirectory directory = new();
        Loops.Run(async loop =>
        {
            using ConsoleSocket console = ConsoleSocket.Create(directory.Path);
            Task<Descriptor> receive = console.ReceiveMasterAsync(TimeSpan.FromSeconds(10));
            using (UnixConnection runtime = await UnixSocket.ConnectAsync(console.Path))
            {
                (Descriptor read, Descriptor write) = Descriptor.Pipe();
                using (write)
                using (read)
                    NativeCalls.SendDescriptors(runtime.Stream.Descriptor, "x"u8, [read]);
                LinuxException e = await Assert.ThrowsAsync<LinuxException>(() => receive);
                Assert.Equal(Errno.EPROTO, e.Errno);
            }
            LinuxException late = await Assert.ThrowsAsync<LinuxException>(
                () => console.ReceiveMasterAsync(TimeSpan.FromMilliseconds(2)));
            Assert.Equal(Errno.ETIMEDOUT, late.Errno);
        });
        LinuxException e = Assert.Throws<LinuxException>(
            () => ConsoleSocket.Create(Directory.CreateDirectory(directory[new string('d', 120)]).FullName));
        Assert.Equal(Errno.ENAMETOOLONG, e.Errno);
    }
}
