using Linux;
using Shim.Bundles;
using Shim.Tests.Support;

namespace Shim.Tests.Bundles;

public sealed class ShimSocketTests
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // printf /run/containerd/containerd.sock/k8s.io/web | sha256sum
    [Theory]
    [InlineData("/run/containerd/containerd.sock")]
    [InlineData("/run//containerd/containerd.sock/")]
    public void Path_is_the_hash_of_address_namespace_and_group(string address)
    {
        ShimSocket socket = ShimSocket.Of("/run/containerd/s", address, "k8s.io", "web");
        const string Expected = "/run/containerd/s/31492f64622e2197f39d1097eef6dd53ef2551ab09ee09a8437ce5507a085daa";
        Assert.Equal(Expected, socket.Path);
        Assert.Equal("unix://" + Expected, socket.Address);
    }

    // printf k8s.io/web | sha256sum
    [Fact]
    public void Without_an_address_nothing_is_joined_in_front()
    {
        Assert.Equal("/s/196cbd5d27100327bd4eac8d587b6b8089a43bcaa446fa5efea12387dc2a3dbb",
            ShimSocket.Of("/s", "", "k8s.io", "web").Path);
    }

    [Theory]
    [InlineData("unix:///run/s/0", "/run/s/0")]
    [InlineData("/run/s/0\n", "/run/s/0")]
    [InlineData("", null)]
    [InlineData("/", null)]
    [InlineData("run/s/0", null)]
    [InlineData("tcp://1.2.3.4:5", null)]
    [InlineData("unix://", null)]
    public void Addresses(string address, string? path) => Assert.Equal(path, ShimSocket.FromAddress(address)?.Path);

    [Fact]
    public void Socket_and_a_new_directory_are_the_owners_alone()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        using UnixListener listener = socket.TryListen()!;
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(directory["s"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket.Path));
        Assert.Equal(socket.Path, listener.BoundPath);
        Assert.True(UnixSocket.IsListening(socket.Path));
    }

    [Fact]
    public void An_existing_directory_stays_as_it_is()
    {
        using TempDirectory directory = new();
        const UnixFileMode Mode = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;
        Directory.CreateDirectory(directory["s"]);
        File.SetUnixFileMode(directory["s"], Mode);
        using UnixListener listener = ShimSocket.FromAddress(directory["s/socket"])!.TryListen()!;
        Assert.Equal(Mode, File.GetUnixFileMode(directory["s"]));
    }

    [Fact]
    public async Task Of_two_at_once_exactly_one_wins()
    {
        for (int round = 0; round < 30; round++)
        {
            using TempDirectory directory = new();
            if (round % 2 == 1)
                MakeStale(directory["s/socket"]);
            using Barrier together = new(2);
            Task<UnixListener?> Race() => Task.Factory.StartNew(
                () =>
                {
                    ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
                    together.SignalAndWait();
                    return socket.TryListen();
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            UnixListener?[] listeners = await Task.WhenAll(Race(), Race());
            UnixListener winner = Assert.Single(listeners, listener => listener is not null)!;
            // The winner is the one that the path leads to.
            Assert.True(UnixSocket.IsListening(directory["s/socket"]));
            winner.Dispose();
            Assert.False(UnixSocket.IsListening(directory["s/socket"]));
        }
    }

    [Fact]
    public void A_living_shim_keeps_its_socket_and_a_dead_one_loses_it()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        UnixListener first = socket.TryListen()!;
        Assert.Null(socket.TryListen());
        socket.RemoveIfStale();
        Assert.True(UnixSocket.IsListening(socket.Path));

        first.Dispose(); // as a kill does: the file stays
        Assert.True(File.Exists(socket.Path));
        using (UnixListener second = socket.TryListen()!)
            Assert.True(UnixSocket.IsListening(socket.Path));

        socket.RemoveIfStale();
        Assert.False(File.Exists(socket.Path));
        socket.RemoveIfStale();
    }

    [Fact]
    public void Nothing_to_remove_is_no_error()
    {
        using TempDirectory directory = new();
        ShimSocket.FromAddress(directory["missing/socket"])!.RemoveIfStale();
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void Close_removes_its_own_socket_only()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        UnixListener first = socket.TryListen()!;
        socket.Close(first);
        Assert.False(File.Exists(socket.Path));

        // Somebody removed the file by hand, and another shim took the path.
        UnixListener old = socket.TryListen()!;
        File.Delete(socket.Path);
        using UnixListener successor = socket.TryListen()!;
        socket.Close(old);
        Assert.True(UnixSocket.IsListening(socket.Path));
    }

    [Fact]
    public void Nothing_stays_open()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        OpenDescriptors.AssertNoneLeftBy(() =>
        {
            UnixListener listener = socket.TryListen()!;
            Assert.Null(socket.TryListen());
            socket.Close(listener);
        });
    }

    private static void MakeStale(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        UnixListener.Bind(path).Dispose();
        Assert.True(File.Exists(path));
    }
}
