using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

public sealed class StreamingTests
{
    [Fact]
    public async Task The_client_streams()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        using var call = new Echo.EchoClient(channel).Join();

        foreach (string part in new[] { "a", "", "b", "c" })
            await call.RequestStream.WriteAsync(new StringValue { Value = part });
        await call.RequestStream.CompleteAsync();

        Assert.Equal("abc", (await call.ResponseAsync.Soon()).Value);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task The_server_streams()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        using var call = new Echo.EchoClient(channel).Split(new StringValue { Value = "abc" });

        Assert.Equal(["a", "b", "c"], await ReadAsync(call.ResponseStream));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task Messages_streamed_before_an_error_are_read_before_it()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        using var call = new Echo.EchoClient(channel).Split(new StringValue { Value = "ab!c" });
        var read = new List<string>();

        RpcException error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (StringValue part in call.ResponseStream.ReadAllAsync())
                read.Add(part.Value);
        }).Soon();

        Assert.Equal(["a", "b"], read);
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Equal("detail", EchoService.DetailOf(error));
    }

    [Fact]
    public async Task Both_sides_stream_in_turn()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        using var call = new Echo.EchoClient(channel).Chat();

        for (int i = 0; i < 200; i++)
        {
            await call.RequestStream.WriteAsync(new StringValue { Value = $"{i}" });
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).Soon());
            Assert.Equal($"{i}", call.ResponseStream.Current.Value);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).Soon());
    }

    [Fact]
    public async Task A_slow_reader_receives_all_messages_in_order()
    {
        await using var server = new TestServer(capacity: 1024);
        await using TtrpcChannel channel = server.Channel();
        using var call = new Echo.EchoClient(channel).Chat();

        Task writing = Task.Run(async () =>
        {
            for (int i = 0; i < 5000; i++)
                await call.RequestStream.WriteAsync(new StringValue { Value = $"{i}" });
            await call.RequestStream.CompleteAsync();
        });
        List<string> read = await ReadAsync(call.ResponseStream);

        await writing.Soon();
        Assert.Equal(Enumerable.Range(0, 5000).Select(i => $"{i}"), read);
    }

    [Fact]
    public async Task A_write_after_the_end_of_the_call_throws_its_status()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        server.Service.OnJoin = (_, _) => throw EchoService.DetailedError();
        using var call = new Echo.EchoClient(channel).Join();
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.Soon());

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => call.RequestStream.WriteAsync(new StringValue()));

        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
    }

    [Fact]
    public async Task The_request_may_hold_the_first_message_and_the_closing_frame_the_last()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", "a"), FrameFlags.RemoteOpen);
        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("b"));
        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("c"), FrameFlags.RemoteClosed);

        await peer.ExpectTextAsync(1, "abc");
    }

    [Theory]
    [InlineData(FrameFlags.None)]
    [InlineData(FrameFlags.RemoteClosed)]
    internal async Task A_request_without_remote_open_is_the_whole_client_stream(FrameFlags flags)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", "a"), flags);

        await peer.ExpectTextAsync(1, "a");
    }

    [Fact]
    public async Task A_server_stream_ends_with_an_empty_data_frame()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Split", "a"), FrameFlags.RemoteClosed);

        (FrameHeader data, byte[] payload) = await peer.ReceiveAsync();
        Assert.Equal((FrameType.Data, FrameFlags.None), (data.Type, data.Flags));
        Assert.Equal(RawPeer.Message("a"), payload);
        (FrameHeader end, _) = await peer.ReceiveAsync();
        Assert.Equal(new FrameHeader(0, 1, FrameType.Data, FrameFlags.RemoteClosed | FrameFlags.NoData), end);
    }

    [Fact]
    public async Task A_handler_that_does_not_read_stalls_the_connection_until_a_timeout()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with
        {
            TimeProvider = time,
            Limits = new TtrpcLimits { QueuedMessages = 3 },
        });
        await using RawPeer peer = server.Raw();
        server.Service.OnJoin = async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            return "";
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);
        for (int i = 0; i < 3; i++)
            await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));
        await peer.SendAsync(FrameType.Request, 3, RawPeer.Request("Say", "beside"));
        await time.UntilArmedAsync();
        time.Advance(TimeSpan.FromSeconds(1));

        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
        await peer.ExpectTextAsync(3, "beside");
        Assert.Equal(0, time.Armed);
    }

    [Fact]
    public async Task A_handler_that_reads_again_ends_the_stall()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with
        {
            TimeProvider = time,
            Limits = new TtrpcLimits { QueuedMessages = 2 },
        });
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        server.Service.OnJoin = async (requests, _) =>
        {
            await gate.Task;
            string joined = "";
            await foreach (StringValue part in requests.ReadAllAsync())
                joined += part.Value;
            return joined;
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);
        foreach (string part in new[] { "a", "b", "c", "d" })
            await peer.SendAsync(FrameType.Data, 1, RawPeer.Message(part));
        await peer.SendAsync(FrameType.Data, 1, [], FrameFlags.RemoteClosed | FrameFlags.NoData);
        await time.UntilArmedAsync();
        gate.SetResult();

        await peer.ExpectTextAsync(1, "abcd");
    }

    [Fact]
    public async Task Unread_streamed_bytes_are_limited()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { HeldBytes = 3000 } });
        await using RawPeer peer = server.Raw();
        server.Service.OnJoin = async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            return "";
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);
        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message(new string('x', 2000)));
        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message(new string('x', 2000)));
        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);

        // The bytes of the failed stream are released.
        await peer.SendAsync(FrameType.Request, 3, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);
        await peer.SendAsync(FrameType.Data, 3, RawPeer.Message(new string('x', 2000)), FrameFlags.RemoteClosed);
        await peer.SendAsync(FrameType.Request, 5, RawPeer.Request("Say", "beside"));
        await peer.ExpectTextAsync(5, "beside");
    }

    [Fact]
    public async Task Streamed_bytes_are_released_when_they_are_read()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { HeldBytes = 3000 } });
        await using RawPeer peer = server.Raw();

        for (uint id = 1; id < 20; id += 4)
        {
            var gate = new TaskCompletionSource();
            server.Service.OnJoin = async (requests, _) =>
            {
                await gate.Task;
                int length = 0;
                await foreach (StringValue part in requests.ReadAllAsync())
                    length += part.Value.Length;
                return $"{length}";
            };
            await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);
            await peer.SendAsync(FrameType.Data, id, RawPeer.Message(new string('x', 2000)), FrameFlags.RemoteClosed);
            await peer.SendAsync(FrameType.Request, id + 2, RawPeer.Request("Nothing", null));
            await peer.ExpectResponseAsync(id + 2);
            gate.SetResult();
            await peer.ExpectTextAsync(id, "2000");
        }
    }

    private static async Task<List<string>> ReadAsync(IAsyncStreamReader<StringValue> reader)
    {
        var read = new List<string>();
        while (await reader.MoveNext(CancellationToken.None).Soon())
            read.Add(reader.Current.Value);
        return read;
    }
}
