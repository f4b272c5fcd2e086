using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>What a client must not do, one by one: what costs the connection and what only the call.</summary>
public sealed class HostileInputTests
{
    [Theory]
    [InlineData(2u, TtrpcCloseReason.EvenStreamId)]
    [InlineData(0u, TtrpcCloseReason.EvenStreamId)]
    [InlineData(5u, TtrpcCloseReason.StreamIdNotIncreasing)]
    [InlineData(3u, TtrpcCloseReason.StreamIdNotIncreasing)]
    public async Task A_wrong_stream_number_closes(uint id, TtrpcCloseReason reason)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 5, RawPeer.Request("Say", "x"));
        await peer.ExpectSaidAsync(5, "x");

        await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Say", "x"));

        await AssertClosedAsync(server, peer, reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(255)]
    public async Task A_frame_type_that_a_client_does_not_send_closes(byte type)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync((FrameType)type, 1, []);

        await AssertClosedAsync(server, peer, TtrpcCloseReason.UnexpectedFrameType);
    }

    [Fact]
    public async Task A_malformed_request_closes_with_the_frame_in_the_message()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 9, [0x0a, 0x7f, 1]);

        Assert.Equal(
            "malformed request (frame type 1, stream 9, 3 bytes)",
            await AssertClosedAsync(server, peer, TtrpcCloseReason.MalformedRequest));
    }

    [Fact]
    public async Task Data_on_a_unary_stream_closes()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "wait"));

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await AssertClosedAsync(server, peer, TtrpcCloseReason.DataOnUnaryStream);
    }

    [Fact]
    public async Task Data_on_a_stream_that_was_never_opened_closes()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await AssertClosedAsync(server, peer, TtrpcCloseReason.UnopenedStream);
    }

    [Fact]
    public async Task Data_on_a_stream_that_has_ended_is_dropped()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Chat", "!"), FrameFlags.RemoteOpen);
        await peer.ExpectErrorAsync(1, StatusCode.FailedPrecondition);

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await AssertGoesOnAsync(peer, 3);
    }

    [Fact]
    public async Task An_oversized_request_is_answered_and_skipped()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, new byte[FrameHeader.MaxPayload + 1]);

        string text = await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
        Assert.Equal("message of 4194305 bytes exceeds the limit of 4194304", text);
        await AssertGoesOnAsync(peer, 3);
        Assert.InRange(server.Pool.Largest, 1, 4096);
    }

    [Fact]
    public async Task The_answer_to_an_oversized_request_does_not_wait_for_its_bytes()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendHeaderAsync(FrameType.Request, 1, uint.MaxValue);

        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
    }

    [Fact]
    public async Task The_longest_request_is_served()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        int around = RawPeer.Request("Say", new string('x', 4_000_000)).Length - 4_000_000;
        byte[] request = RawPeer.Request("Say", new string('x', FrameHeader.MaxPayload - around));
        Assert.Equal(FrameHeader.MaxPayload, request.Length);
        server.Service.OnSay = (text, _) => Task.FromResult(text.Length.ToString());

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectSaidAsync(1, (FrameHeader.MaxPayload - around).ToString());
    }

    [Fact]
    public async Task Oversized_data_fails_its_stream_only()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);

        await peer.SendAsync(FrameType.Data, 1, new byte[FrameHeader.MaxPayload + 1]);

        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
        await AssertGoesOnAsync(peer, 3);
    }

    [Fact]
    public async Task A_malformed_message_fails_its_call_only()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        byte[] request = [.. RawPeer.Request("Say", null), 0x1a, 2, 0x0a, 9];

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectErrorAsync(1, StatusCode.Internal);
        await AssertGoesOnAsync(peer, 3);
    }

    [Fact]
    public async Task Data_after_the_clients_end_fails_its_stream_only()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        server.Service.OnSplit = (_, _, context) => Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Split", "x"), FrameFlags.RemoteClosed);

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await peer.ExpectErrorAsync(1, StatusCode.InvalidArgument);
        await AssertGoesOnAsync(peer, 3);
    }

    [Fact]
    public async Task Unusable_metadata_fails_its_call_only()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        byte[] request = [.. RawPeer.Request("Say", "x"), 0x2a, 3, 0x0a, 1, (byte)' ']; // a key of one blank

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectErrorAsync(1, StatusCode.InvalidArgument);
        await AssertGoesOnAsync(peer, 3);
    }

    [Fact]
    public async Task A_connection_that_breaks_within_a_frame_frees_its_buffer()
    {
        await using var server = new TestServer();
        await using (RawPeer peer = server.Raw())
        {
            await peer.SendHeaderAsync(FrameType.Request, 1, 1_000_000);
            await peer.SendBytesAsync(new byte[10_000]);
        }

        await server.Served.Soon();
        Assert.Equal(TtrpcCloseReason.PeerClosed, (await server.Events.Closed).Reason);
        await server.Pool.AllReturnedAsync().Soon();
    }

    [Fact]
    public async Task Too_many_calls_are_refused_one_by_one()
    {
        await using var server = new TestServer(options => options with { Limits = new TtrpcLimits { ConcurrentCalls = 2 } });
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (text, _) =>
        {
            await gate.Task;
            return text;
        };

        for (uint id = 1; id <= 5; id += 2)
            await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Say", "x"));
        await peer.ExpectErrorAsync(5, StatusCode.ResourceExhausted);
        gate.SetResult();
        (FrameHeader first, _) = await peer.ReceiveAsync();
        (FrameHeader second, _) = await peer.ReceiveAsync();
        Assert.Equal([1u, 3u], new[] { first.StreamId, second.StreamId }.Order());
        await AssertGoesOnAsync(peer, 7);
    }

    [Fact]
    public async Task Too_many_bytes_in_running_requests_are_refused()
    {
        await using var server = new TestServer(options => options with { Limits = new TtrpcLimits { HeldBytes = 3000 } });
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (_, _) =>
        {
            await gate.Task;
            return "done";
        };
        byte[] request = RawPeer.Request("Say", new string('x', 2000));

        await peer.SendAsync(FrameType.Request, 1, request);
        await peer.SendAsync(FrameType.Request, 3, request);

        await peer.ExpectErrorAsync(3, StatusCode.ResourceExhausted);
        gate.SetResult();
        await peer.ExpectSaidAsync(1, "done");
        await peer.SendAsync(FrameType.Request, 5, request);
        await peer.ExpectSaidAsync(5, "done");
    }

    private static async Task AssertGoesOnAsync(RawPeer peer, uint id)
    {
        await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Nothing", null));
        Assert.Null((await peer.ExpectResponseAsync(id)).Status);
    }

    private static async Task<string> AssertClosedAsync(TestServer server, RawPeer peer, TtrpcCloseReason reason)
    {
        await peer.ExpectEndAsync();
        (TtrpcCloseReason closed, string message) = await server.Events.Closed.Soon();
        Assert.Equal(reason, closed);
        await server.Served.Soon();
        await server.Pool.AllReturnedAsync().Soon();
        return message;
    }
}
