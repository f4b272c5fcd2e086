using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>Deadlines at server and client.</summary>
public sealed class DeadlineTests
{
    [Fact]
    public async Task A_deadline_cancels_the_handler_and_fails_the_call()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with { TimeProvider = time });
        await using RawPeer peer = server.Raw();
        var cancelled = new TaskCompletionSource<DateTime>();
        server.Service.OnSay = async (_, context) =>
        {
            context.CancellationToken.Register(() => cancelled.SetResult(context.Deadline));
            // Ignores its token.
            await new TaskCompletionSource().Task;
            return "";
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x", timeoutNano: 2_000_000_000));
        await time.UntilArmedAsync();
        DateTime deadline = time.GetUtcNow().UtcDateTime.AddSeconds(2);
        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(cancelled.Task.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));

        string text = await peer.ExpectErrorAsync(1, StatusCode.DeadlineExceeded);
        Assert.Equal("/ttrpc.test.Echo/Say: deadline of 2 s exceeded", text);
        Assert.Equal(deadline, await cancelled.Task.Soon());
    }

    [Fact]
    public async Task A_handler_that_completes_in_time_leaves_no_timer()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with { TimeProvider = time });
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (text, _) =>
        {
            await gate.Task;
            return text;
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x", timeoutNano: 1_000_000_000));
        await time.UntilArmedAsync();
        gate.SetResult();

        await peer.ExpectTextAsync(1, "x");
        await peer.SendAsync(FrameType.Request, 3, RawPeer.Request("Nothing", null));
        await peer.ExpectResponseAsync(3);
        Assert.Equal(0, time.Armed);
    }

    [Fact]
    public async Task A_request_whose_deadline_has_passed_is_rejected_without_running()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x", timeoutNano: -1));

        await peer.ExpectErrorAsync(1, StatusCode.DeadlineExceeded);
        Assert.Empty(server.Events.Calls);
    }

    [Fact]
    public async Task The_client_enforces_its_deadline_when_the_server_does_not()
    {
        var time = new FakeTime();
        var (client, other) = PairedStream.Create();
        await using var peer = new RawPeer(other);
        await using var channel = new TtrpcChannel(client, new TtrpcChannelOptions { TimeProvider = time });

        using var call = new Echo.EchoClient(channel).SayAsync(
            new StringValue(), deadline: time.GetUtcNow().UtcDateTime.AddSeconds(3));
        (_, byte[] request) = await peer.ReceiveAsync();
        Assert.Equal(3_000_000_000, Referee.Request.Parser.ParseFrom(request).TimeoutNano);
        time.Advance(TimeSpan.FromSeconds(3));

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.Soon());
        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        Assert.Equal(StatusCode.DeadlineExceeded, call.GetStatus().StatusCode);
    }
}
