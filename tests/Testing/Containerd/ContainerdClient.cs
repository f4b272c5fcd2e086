using System.Net.Sockets;
using Containerd.Grpc.Cri;
using Containerd.Grpc.Snapshots;
using Containerd.Grpc.Tasks;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;

namespace Testing;

/// <summary>A client of containerd's grpc interface, for what `ctr` cannot do. Every call has a bound.</summary>
public sealed class ContainerdClient : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly CallInvoker _invoker;

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
        _invoker = _channel.Intercept(new Deadlines());
    }

    public Tasks.TasksClient Tasks => new(_invoker);

    public Snapshots.SnapshotsClient Snapshots => new(_invoker);

    /// <summary>The Container Runtime Interface: pods and their containers.</summary>
    public RuntimeService.RuntimeServiceClient Runtime => new(_invoker);

    /// <summary>The Container Runtime Interface: images.</summary>
    public ImageService.ImageServiceClient Images => new(_invoker);

    /// <summary>What every call carries.</summary>
    public static Metadata Namespace => new() { { "containerd-namespace", "default" } };

    /// <summary>Makes the task of a container that `ctr containers create` made, and does not start it.</summary>
    /// <param name="daemon">The containerd.</param>
    /// <param name="id">The container.</param>
    /// <param name="image">The directory of the image to restore; empty: none.</param>
    public static async Task CreateTaskAsync(Daemon daemon, string id, string image = "")
    {
        using var client = new ContainerdClient(daemon);
        MountsResponse mounts = await client.Snapshots.MountsAsync(
            new MountsRequest { Snapshotter = "overlayfs", Key = id }, Namespace);
        var request = new CreateTaskRequest { ContainerId = id };
        if (image.Length > 0)
            request.Options = new Any
            {
                TypeUrl = "containerd.runc.v1.Options",
                Value = new Containerd.Api.Runc.Options { CriuImagePath = image }.ToByteString(),
            };
        request.Rootfs.AddRange(mounts.Mounts);
        await client.Tasks.CreateAsync(request, Namespace);
    }

    /// <summary>Starts it.</summary>
    public static async Task StartTaskAsync(Daemon daemon, string id)
    {
        using var client = new ContainerdClient(daemon);
        await client.Tasks.StartAsync(new StartRequest { ContainerId = id }, Namespace);
    }

    /// <summary>Runs a command in a running container, from Exec to DeleteProcess.</summary>
    /// <param name="id">The container.</param>
    /// <param name="execId">Its id.</param>
    /// <param name="process">The OCI process, as JSON.</param>
    /// <returns>Its exit status.</returns>
    public async Task<uint> ExecAsync(string id, string execId, string process)
    {
        await Tasks.ExecAsync(new ExecProcessRequest
        {
            ContainerId = id,
            ExecId = execId,
            Spec = OciProcess.ToAny(process),
        }, Namespace);
        await Tasks.StartAsync(new StartRequest { ContainerId = id, ExecId = execId }, Namespace);
        WaitResponse ended = await Tasks.WaitAsync(new WaitRequest { ContainerId = id, ExecId = execId }, Namespace);
        await Tasks.DeleteProcessAsync(new DeleteProcessRequest { ContainerId = id, ExecId = execId }, Namespace);
        return ended.ExitStatus;
    }

    public void Dispose() => _channel.Dispose();

    /// <summary>Gives a deadline to the calls that have none.</summary>
    private sealed class Deadlines : Interceptor
    {
        private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context,
            AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
        {
            CallOptions options = context.Options;
            if (options.Deadline is null)
                options = options.WithDeadline(DateTime.UtcNow + s_bound);
            return continuation(
                request, new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, options));
        }
    }
}
