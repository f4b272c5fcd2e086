using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>A server that disconnects or violates the protocol: what its client reports.</summary>
public sealed class HostileServerTests
{
    [Fact]
    public async Task A_server_that_disconnects_fails_all_calls_with_the_reason()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);
        var started = new TaskCompletionSource();
        server.Service.OnSay = async (_, context) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            return "";
        };
        Task<StringValue> running = echo.SayAsync(new StringValue()).ResponseAsync;
        using var chat = echo.Chat();
        Task<bool> reading = chat.ResponseStream.MoveNext(CancellationToken.None);
        await started.Task.Soon();

        await server.ServerEnd.DisposeAsync();
        await channel.Completion.Soon();

        foreach (Func<Task> call in new Func<Task>[]
        {
            () => running, () => reading, () => echo.SayAsync(new StringValue()).ResponseAsync,
        })
        {
            RpcException error = await Assert.ThrowsAsync<RpcException>(() => call().Soon());
            Assert.Equal(StatusCode.Unavailable, error.StatusCode);
            Assert.Equal("ttrpc connection closed: peer closed the connection", error.Status.Detail);
        }

        Assert.Equal(TtrpcCloseReason.PeerClosed, channel.CloseReason);
    }

    [Theory]
    [InlineData(FrameType.Request, 1u, TtrpcCloseReason.UnexpectedFrameType)]
    [InlineData(FrameType.Response, 2u, TtrpcCloseReason.UnopenedStream)]
    [InlineData(FrameType.Response, 3u, TtrpcCloseReason.UnopenedStream)]
    [InlineData(FrameType.Response, 1u, TtrpcCloseReason.MalformedResponse)]
    internal async Task A_server_that_violates_the_protocol_is_disconnected(
        FrameType type, uint id, TtrpcCloseReason reason)
    {
        var (client, other) = PairedStream.Create();
        await using var peer = new RawPeer(other);
        await using var channel = new TtrpcChannel(client);
        Task<StringValue> call = new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync;

        await peer.SendAsync(type, id, [0x0a, 9]);

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.Soon());
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Equal(reason, channel.CloseReason);
    }

    [Fact]
    public async Task A_stream_that_is_closed_without_its_only_response_fails_its_call()
    {
        var (client, other) = PairedStream.Create();
        await using var peer = new RawPeer(other);
        await using var channel = new TtrpcChannel(client);
        Task<StringValue> call = new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync;

        await peer.SendAsync(FrameType.Data, 1, [], FrameFlags.RemoteClosed | FrameFlags.NoData);

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.Soon());
        Assert.Equal(StatusCode.Internal, error.StatusCode);
        Assert.EndsWith(
            ": the server closed the stream without a response", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_oversized_response_fails_only_its_call()
    {
        var (client, other) = PairedStream.Create();
        await using var peer = new RawPeer(other);
        await using var channel = new TtrpcChannel(client);
        var echo = new Echo.EchoClient(channel);
        Task<StringValue> first = echo.SayAsync(new StringValue()).ResponseAsync;
        Task<StringValue> second = echo.SayAsync(new StringValue()).ResponseAsync;

        await peer.SendAsync(FrameType.Response, 1, new byte[FrameHeader.MaxPayload + 1]);
        await peer.SendAsync(FrameType.Response, 3, []);

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => first.Soon());
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        await second.Soon();
    }
}
