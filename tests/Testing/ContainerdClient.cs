using System.Net.Sockets;
using Containerd.Grpc.Snapshots;
using Containerd.Grpc.Tasks;
using Grpc.Core;
using Grpc.Net.Client;

namespace Testing;

/// <summary>A client of containerd's grpc interface, for what `ctr` cannot do.</summary>
public sealed class ContainerdClient : IDisposable
{
    private readonly GrpcChannel _channel;

    public ContainerdClient(Daemon daemon)
    {
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(daemon.Socket), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler });
    }

    public Tasks.TasksClient Tasks => new(_channel);

    public Snapshots.SnapshotsClient Snapshots => new(_channel);

    /// <summary>What every call carries.</summary>
    public static Metadata Namespace => new() { { "containerd-namespace", "default" } };

    /// <summary>Makes the task of a container that `ctr containers create` made, and does not start it.</summary>
    public static async Task CreateTaskAsync(Daemon daemon, string id)
    {
        using var client = new ContainerdClient(daemon);
        MountsResponse mounts = await client.Snapshots.MountsAsync(
            new MountsRequest { Snapshotter = "overlayfs", Key = id }, Namespace);
        var request = new CreateTaskRequest { ContainerId = id };
        request.Rootfs.AddRange(mounts.Mounts);
        await client.Tasks.CreateAsync(request, Namespace);
    }

    public void Dispose() => _channel.Dispose();
}
