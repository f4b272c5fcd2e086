using Grpc.Core;
using Ttrpc;
using Ttrpc.Tests.Support;

namespace Fuzz;

/// <summary>A server and a client of ttrpc whose peer sends certain bytes and then closes the connection.</summary>
internal static class TtrpcPeers
{
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(20);
    private static readonly Marshaller<byte[]> s_bytes =
        Marshallers.Create(static bytes => bytes, static bytes => bytes);
    private static readonly Method<byte[], byte[]> s_unary = Of(MethodType.Unary, "State");
    private static readonly Method<byte[], byte[]> s_join = Of(MethodType.ClientStreaming, "Join");
    private static readonly Method<byte[], byte[]> s_split = Of(MethodType.ServerStreaming, "Split");
    private static readonly Method<byte[], byte[]> s_chat = Of(MethodType.DuplexStreaming, "Chat");
    private static readonly TtrpcLimits s_limits = new() { StallTimeout = TimeSpan.FromMilliseconds(1) };
    private static readonly TtrpcServices s_services = Services();

    /// <summary>Serves a client.</summary>
    public static void Serve(byte[] bytes, int piece)
    {
        var pool = new CountingPool();
        var connection = new ServerConnection(new TtrpcTransport(new ScriptedStream(bytes, piece)), s_services,
            new TtrpcServerOptions { Limits = s_limits, BufferPool = pool });
        End(connection.ReceiveAsync());
        RequireClosed(connection.CloseCause, pool);
    }

    /// <summary>Calls a server that answers a call of each type.</summary>
    public static void Call(byte[] bytes, int piece)
    {
        var pool = new CountingPool();
        var stream = new ScriptedStream(bytes, piece, isOpen: false);
        var channel = new TtrpcChannel(stream, new TtrpcChannelOptions { Limits = s_limits, BufferPool = pool });
        var options = default(CallOptions);
        Task[] calls =
        [
            IgnoreAsync(channel.AsyncUnaryCall(s_unary, null, options, []).ResponseAsync),
            ReadAsync(channel.AsyncServerStreamingCall(s_split, null, options, []).ResponseStream),
            IgnoreAsync(channel.AsyncClientStreamingCall(s_join, null, options).ResponseAsync),
            ReadAsync(channel.AsyncDuplexStreamingCall(s_chat, null, options).ResponseStream),
        ];
        stream.Open();
        End(channel.Completion);
        End(Task.WhenAll(calls));
        Target.Require(channel.CloseReason != TtrpcCloseReason.InternalError, "the connection has no error of its own");
        RequireReturned(pool);
    }

    private static Method<byte[], byte[]> Of(MethodType type, string name) =>
        new(type, "containerd.task.v2.Task", name, s_bytes, s_bytes);

    private static TtrpcServices Services()
    {
        var services = new TtrpcServices();
        services.AddMethod(s_unary, static (request, context) =>
        {
            _ = context.RequestHeaders;
            return Task.FromResult(request);
        });
        services.AddMethod(s_join, static async (requests, _) =>
        {
            int count = 0;
            while (await requests.MoveNext(default))
                count += requests.Current.Length;
            return BitConverter.GetBytes(count);
        });
        services.AddMethod(s_split, static async (request, responses, _) =>
        {
            foreach (byte each in request[..Math.Min(request.Length, 8)])
                await responses.WriteAsync([each]);
        });
        services.AddMethod(s_chat, static async (requests, responses, _) =>
        {
            while (await requests.MoveNext(default))
                await responses.WriteAsync(requests.Current);
        });
        return services;
    }

    private static async Task ReadAsync(IAsyncStreamReader<byte[]> responses)
    {
        try
        {
            while (await responses.MoveNext(default))
                _ = responses.Current.Length;
        }
        catch (RpcException)
        {
        }
    }

    private static async Task IgnoreAsync(Task call)
    {
        try
        {
            await call;
        }
        catch (RpcException)
        {
        }
    }

    private static void End(Task task) => Target.Require(task.Wait(s_hang), "everything ends with the connection");

    private static void RequireClosed(CloseCause? cause, CountingPool pool)
    {
        Target.Require(cause is not null && cause.Reason != TtrpcCloseReason.InternalError,
            $"the connection has no error of its own: {cause?.Describe()}");
        RequireReturned(pool);
    }

    /// <summary>Handlers may end a little later than the connection.</summary>
    private static void RequireReturned(CountingPool pool) =>
        Target.Require(SpinWait.SpinUntil(() => pool.Lent == 0, s_hang), "all buffers are returned");
}
