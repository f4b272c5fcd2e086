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
    public void The_path_is_the_hash_of_address_namespace_and_group(string address)
    {
        ShimSocket socket = ShimSocket.Of("/run/containerd/s", address, "k8s.io", "web");
        const string Expected = "/run/containerd/s/31492f64622e2197f39d1097eef6dd53ef2551ab09ee09a8437ce5507a085daa";
        Assert.Equal(Expected, socket.Path);
        Assert.Equal("unix://" + Expected, socket.Address);
    }

    // printf k8s.io/web | sha256sum
    [Fact]
    public void Without_an_address_the_hashed_path_begins_with_the_namespace()
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
    public void Addresses_are_parsed(string address, string? path) =>
        Assert.Equal(path, ShimSocket.FromAddress(address)?.Path);

    [Fact]
    public void The_socket_and_a_new_directory_are_accessible_only_to_the_owner()
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
    public void An_existing_directory_keeps_its_mode()
    {
        using TempDirectory directory = new();
        const UnixFileMode Mode = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;
        Directory.CreateDirectory(directory["s"]);
        File.SetUnixFileMode(directory["s"], Mode);
        using UnixListener listener = ShimSocket.FromAddress(directory["s/socket"])!.TryListen()!;
        Assert.Equal(Mode, File.GetUnixFileMode(directory["s"]));
    }

    [Fact]
    public async Task Exactly_one_of_two_concurrent_shims_listens()
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
            // The path leads to the winner's socket.
            Assert.True(UnixSocket.IsListening(directory["s/socket"]));
            winner.Dispose();
            Assert.False(UnixSocket.IsListening(directory["s/socket"]));
        }
    }

    [Fact]
    public void A_running_shim_keeps_its_socket_and_a_dead_one_loses_it()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        UnixListener first = socket.TryListen()!;
        Assert.Null(socket.TryListen());
        socket.RemoveIfStale();
        Assert.True(UnixSocket.IsListening(socket.Path));

        first.Dispose(); // as if it was killed: the file remains
        Assert.True(File.Exists(socket.Path));
        using (UnixListener second = socket.TryListen()!)
            Assert.True(UnixSocket.IsListening(socket.Path));

        socket.RemoveIfStale();
        Assert.False(File.Exists(socket.Path));
        socket.RemoveIfStale();
    }

    [Fact]
    public void Removing_a_missing_socket_is_not_an_error()
    {
        using TempDirectory directory = new();
        ShimSocket.FromAddress(directory["missing/socket"])!.RemoveIfStale();
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void Close_removes_only_its_own_socket()
    {
        using TempDirectory directory = new();
        ShimSocket socket = ShimSocket.FromAddress(directory["s/socket"])!;
        UnixListener first = socket.TryListen()!;
        socket.Close(first);
        Assert.False(File.Exists(socket.Path));

        // The file was removed by hand, and another shim listens on the path.
        UnixListener old = socket.TryListen()!;
        File.Delete(socket.Path);
        using UnixListener successor = socket.TryListen()!;
        socket.Close(old);
        Assert.True(UnixSocket.IsListening(socket.Path));
    }

    [Fact]
    public void No_descriptor_stays_open()
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
