using Google.Protobuf.WellKnownTypes;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>Peers that do not read what is sent to them.</summary>
public sealed class BackpressureTests
{
    [Fact]
    public async Task A_peer_that_does_not_read_is_no_longer_read_and_does_not_block_others()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { UnsentBytes = 10_000 } }, capacity: 4096);
        await using RawPeer peer = server.Raw();
        const int Requests = 500;
        string text = new('x', 1000);
        int said = 0;
        var manySaid = new TaskCompletionSource();
        server.Service.OnSay = (input, _) =>
        {
            if (Interlocked.Increment(ref said) == 12)
                manySaid.SetResult();
            return Task.FromResult(input);
        };

        Task writing = Task.Run(async () =>
        {
            for (uint i = 0; i < Requests; i++)
                await peer.SendAsync(FrameType.Request, (2 * i) + 1, RawPeer.Request("Say", text));
        });
        await manySaid.Task.Soon();

        var (client, other) = PairedStream.Create();
        _ = server.Server.ServeAsync(new TtrpcTransport(other));
        await using (var channel = new TtrpcChannel(client))
            await new Echo.EchoClient(channel).NothingAsync(new Empty()).ResponseAsync.Soon();

        // The peer reads now. The server was ahead only by what is unsent and what the pipe holds.
        for (int i = 0; i < Requests; i++)
        {
            Assert.InRange(Volatile.Read(ref said) - i, 0, 20);
            await peer.ExpectTextAsync((uint)((2 * i) + 1), text);
        }

        await writing.Soon();
    }

    [Fact]
    public async Task Too_many_unsent_responses_close_the_connection()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { UnsentBytes = 10_000, MaxUnsentBytes = 20_000 } },
            capacity: 4096);
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (_, _) =>
        {
            await gate.Task;
            return new string('x', 5000);
        };
        for (uint id = 1; id < 100; id += 2)
            await peer.SendAsync(FrameType.Request, id, RawPeer.Request("Say", "x"));
        await peer.SendAsync(FrameType.Request, 101, RawPeer.Request("Nothing", null));
        await peer.ExpectResponseAsync(101);

        gate.SetResult();

        Assert.Equal(TtrpcCloseReason.UnsentOverflow, (await server.Events.Closed.Soon()).Reason);
        await server.Served.Soon();
        await server.Pool.AllReturnedAsync().Soon();
    }

    [Fact]
    public async Task One_response_beyond_the_limit_closes_the_connection()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { UnsentBytes = 1000, MaxUnsentBytes = 2000 } });
        await using RawPeer peer = server.Raw();
        server.Service.OnSay = (_, _) => Task.FromResult(new string('x', 5000));

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x"));

        Assert.Equal(TtrpcCloseReason.UnsentOverflow, (await server.Events.Closed.Soon()).Reason);
        await server.Served.Soon();
        await server.Pool.AllReturnedAsync().Soon();
    }

    [Fact]
    public async Task A_stream_writer_waits_for_a_peer_that_does_not_read()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { UnsentBytes = 10_000 } }, capacity: 4096);
        await using RawPeer peer = server.Raw();
        var waiting = new TaskCompletionSource<int>();
        server.Service.OnSplit = async (_, responses, _) =>
        {
            for (int i = 0; i < 100; i++)
            {
                Task write = responses.WriteAsync(new StringValue { Value = new string('x', 1000) });
                if (!write.IsCompleted)
                    waiting.TrySetResult(i);
                await write;
            }
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Split", "x"), FrameFlags.RemoteClosed);
        Assert.InRange(await waiting.Task.Soon(), 5, 30);
        for (int i = 0; i < 101; i++)
            await peer.ReceiveAsync();
    }
}
