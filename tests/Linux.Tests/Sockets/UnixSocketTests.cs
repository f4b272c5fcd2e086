using System.Globalization;
using System.Text;
using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class UnixSocketTests
{
    /// <summary>In a separate process: a child that another test starts in this one holds the listener until it
    /// execs.</summary>
    [Fact]
    public void Paths_may_have_any_length() => PeerProcess.Run(Paths);

    private static void Paths()
    {
        foreach (int length in (int[])[106, 107, 108, 200])
            PathOfLength(length);
    }

    private static void PathOfLength(int length)
    {
        using TempDirectory root = new();
        // A deep directory, so that the whole path has exactly this number of bytes.
        string directory = root.Path;
        while (length - directory.Length > 80)
            directory = Path.Combine(directory, new string('d', 40));
        Directory.CreateDirectory(directory);
        string path = $"{directory}/{new string('s', length - directory.Length - 1)}";
        Assert.Equal(length, Encoding.UTF8.GetByteCount(path));

        Assert.False(UnixSocket.IsListening(path));
        using (UnixListener listener = UnixListener.Bind(path))
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            Assert.True(UnixSocket.IsListening(path));
            Loops.Run(async loop =>
            {
                using UnixConnection probe = await listener.AcceptAsync(); // the connection of IsListening
                using UnixConnection client = await UnixSocket.ConnectAsync(path);
                using UnixConnection server = await listener.AcceptAsync();
                Assert.Equal(new PeerCredentials(Environment.ProcessId, TestLibc.geteuid()), server.Peer);
                Assert.Equal(server.Peer, client.Peer);
                await client.Stream.WriteAsync("hello"u8.ToArray());
                client.Dispose();
                Assert.Equal("hello", await Streams.ReadToEnd(server.Stream));
            });
        }
        Assert.True(File.Exists(path)); // closing never unlinks
        Assert.False(UnixSocket.IsListening(path));
        LinuxException e = Assert.Throws<LinuxException>(() => UnixListener.Bind(path).Dispose());
        Assert.Equal(Errno.EADDRINUSE, e.Errno);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_are_too_long_are_an_error()
    {
        using TempDirectory root = new();
        LinuxException e = Assert.Throws<LinuxException>(() => UnixListener.Bind(root[new string('x', 120)]));
        Assert.Equal(Errno.ENAMETOOLONG, e.Errno);
        e = Assert.Throws<LinuxException>(() => UnixListener.Bind($"/nonexistent/{new string('x', 120)}"));
        Assert.Equal(Errno.ENOENT, e.Errno);
        Assert.False(UnixSocket.IsListening($"/nonexistent/{new string('x', 120)}"));
        Assert.Throws<ArgumentException>(() => UnixSocket.IsListening("a\0b"));
    }

    [Fact]
    public void A_listener_with_a_full_queue_is_listening()
    {
        using TempDirectory root = new();
        using UnixListener listener = UnixListener.Bind(root["s"]);
        for (int i = 0; i < 300; i++) // more than the backlog, and none is accepted
            Assert.True(UnixSocket.IsListening(root["s"]));
        Loops.Run(async loop =>
        {
            using CancellationTokenSource source = new(TimeSpan.FromMilliseconds(15), loop.Time);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => UnixSocket.ConnectAsync(root["s"], source.Token));
            // With room in the queue the connection succeeds.
            Task<UnixConnection> connecting = UnixSocket.ConnectAsync(root["s"]);
            (await listener.AcceptAsync()).Dispose();
            (await connecting).Dispose();
        });
    }

    [Fact]
    public void Listener_is_taken_over_from_a_descriptor()
    {
        using TempDirectory root = new();
        using UnixListener first = UnixListener.Bind(root["s"]);
        using UnixListener second = UnixListener.FromDescriptor(first.Descriptor.Duplicate());
        first.Dispose();
        Assert.True(UnixSocket.IsListening(root["s"]));
        (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
        using (one)
        using (other)
            Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => UnixListener.FromDescriptor(one)).Errno);
    }

    /// <summary>A server's child keeps the socket open, as one does that has not yet begun its own program.</summary>
    [Fact]
    public void A_socket_whose_server_is_gone_is_not_served_although_it_listens()
    {
        const string Server = """
            socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("s")); listen(S, 9);
            if (!($child = fork)) { sleep 1000; exit }
            open(C, ">child"); print C $child;
            """;
        using TempDirectory root = new();
        ProcessExit exit = ShortCommand.Run(new SpawnRequest
        {
            Path = "/usr/bin/perl",
            Arguments = ["perl", "-MSocket", "-e", Server],
            WorkingDirectory = root.Path,
        }, TimeSpan.FromSeconds(30));
        Assert.Equal(0, exit.ExitCode);
        int child = int.Parse(File.ReadAllText(root["child"]), CultureInfo.InvariantCulture);
        try
        {
            Assert.True(UnixSocket.IsListening(root["s"]));
            Assert.False(UnixSocket.IsServed(root["s"]));
        }
        finally
        {
            Signals.Send(child, Signals.SIGKILL);
        }
    }

    [Fact]
    public void A_socket_that_was_taken_over_is_served()
    {
        using TempDirectory root = new();
        Assert.False(UnixSocket.IsServed(root["s"]));
        using UnixListener first = UnixListener.Bind(root["s"]);
        Assert.True(UnixSocket.IsServed(root["s"]));
        using UnixListener second = UnixListener.FromDescriptor(first.Descriptor.Duplicate());
        first.Dispose();
        Assert.True(UnixSocket.IsServed(root["s"]));
        second.Dispose();
        Assert.False(UnixSocket.IsServed(root["s"]));
    }

    [Fact]
    public void Closing_the_listener_ends_the_accept()
    {
        using TempDirectory root = new();
        Loops.Run(async loop =>
        {
            UnixListener listener = UnixListener.Bind(root["s"]);
            Task<UnixConnection> accept = listener.AcceptAsync().AsTask();
            listener.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => accept);
        });
    }
}
