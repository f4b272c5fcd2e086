using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>A misbehaving client: which errors close the connection and which fail only the call.</summary>
public sealed class HostileInputTests
{
    [Theory]
    [InlineData(2u, TtrpcCloseReason.EvenStreamId)]
    [InlineData(0u, TtrpcCloseReason.EvenStreamId)]
    [InlineData(5u, TtrpcCloseReason.StreamIdNotIncreasing)]
    [InlineData(3u, TtrpcCloseReason.StreamIdNotIncreasing)]
    public async Task A_wrong_stream_id_closes_the_connection(uint id, TtrpcCloseReason reason)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 5, RawPeer.Request("Say", "x"));
        await peer.ExpectTextAsync(5, "x");

        await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Say", "x"));

        await AssertClosedAsync(server, peer, reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(255)]
    public async Task A_frame_type_that_clients_must_not_send_closes_the_connection(byte type)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync((FrameType)type, 1, []);

        await AssertClosedAsync(server, peer, TtrpcCloseReason.UnexpectedFrameType);
    }

    [Fact]
    public async Task A_malformed_request_closes_the_connection_and_the_message_names_the_frame()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 9, [0x0a, 0x7f, 1]);

        Assert.Equal(
            "malformed request (frame type 1, stream 9, 3 bytes)",
            await AssertClosedAsync(server, peer, TtrpcCloseReason.MalformedRequest));
    }

    [Fact]
    public async Task Data_on_a_unary_stream_closes_the_connection()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "wait"));

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await AssertClosedAsync(server, peer, TtrpcCloseReason.DataOnUnaryStream);
    }

    [Fact]
    public async Task Data_on_a_stream_that_was_never_opened_closes_the_connection()
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

        await AssertStillServedAsync(peer, 3);
    }

    [Fact]
    public async Task An_oversized_request_is_rejected_and_skipped()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, new byte[FrameHeader.MaxPayload + 1]);

        string text = await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
        Assert.Equal("message of 4194305 bytes exceeds the limit of 4194304", text);
        await AssertStillServedAsync(peer, 3);
        Assert.InRange(server.Pool.Largest, 1, 4096);
    }

    [Fact]
    public async Task An_oversized_request_is_rejected_before_its_payload_arrives()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendHeaderAsync(FrameType.Request, 1, uint.MaxValue);

        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
    }

    [Fact]
    public async Task The_longest_allowed_request_is_served()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        int around = RawPeer.Request("Say", new string('x', 4_000_000)).Length - 4_000_000;
        byte[] request = RawPeer.Request("Say", new string('x', FrameHeader.MaxPayload - around));
        Assert.Equal(FrameHeader.MaxPayload, request.Length);
        server.Service.OnSay = (text, _) => Task.FromResult(text.Length.ToString());

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectTextAsync(1, (FrameHeader.MaxPayload - around).ToString());
    }

    [Fact]
    public async Task Oversized_data_fails_only_its_stream()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Join", null), FrameFlags.RemoteOpen);

        await peer.SendAsync(FrameType.Data, 1, new byte[FrameHeader.MaxPayload + 1]);

        await peer.ExpectErrorAsync(1, StatusCode.ResourceExhausted);
        await AssertStillServedAsync(peer, 3);
    }

    [Fact]
    public async Task A_malformed_message_fails_only_its_call()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        byte[] request = [.. RawPeer.Request("Say", null), 0x1a, 2, 0x0a, 9];

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectErrorAsync(1, StatusCode.Internal);
        await AssertStillServedAsync(peer, 3);
    }

    [Fact]
    public async Task Data_after_the_client_closed_its_side_fails_only_its_stream()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        server.Service.OnSplit = (_, _, context) => Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Split", "x"), FrameFlags.RemoteClosed);

        await peer.SendAsync(FrameType.Data, 1, RawPeer.Message("x"));

        await peer.ExpectErrorAsync(1, StatusCode.InvalidArgument);
        await AssertStillServedAsync(peer, 3);
    }

    [Fact]
    public async Task Invalid_metadata_fails_only_its_call()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        byte[] request = [.. RawPeer.Request("Say", "x"), 0x2a, 3, 0x0a, 1, (byte)' ']; // the key is a space

        await peer.SendAsync(FrameType.Request, 1, request);

        await peer.ExpectErrorAsync(1, StatusCode.InvalidArgument);
        await AssertStillServedAsync(peer, 3);
    }

    [Fact]
    public async Task A_connection_that_closes_within_a_frame_returns_its_buffer()
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
    public async Task Calls_beyond_the_limit_are_rejected()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { ConcurrentCalls = 2 } });
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
        await AssertStillServedAsync(peer, 7);
    }

    [Fact]
    public async Task Requests_beyond_the_limit_of_held_bytes_are_rejected()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { HeldBytes = 3000 } });
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
        await peer.ExpectTextAsync(1, "done");
        await peer.SendAsync(FrameType.Request, 5, request);
        await peer.ExpectTextAsync(5, "done");
    }

    private static async Task AssertStillServedAsync(RawPeer peer, uint id)
    {
        await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Nothing", null));
        Assert.Null((await peer.ExpectResponseAsync(id)).Status);
    }

    private static async Task<string> AssertClosedAsync(TestServer server, RawPeer peer, TtrpcCloseReason reason)
    {
        await peer.ExpectClosedAsync();
        (TtrpcCloseReason closed, string message) = await server.Events.Closed.Soon();
        Assert.Equal(reason, closed);
        await server.Served.Soon();
        await server.Pool.AllReturnedAsync().Soon();
        return message;
    }
}
