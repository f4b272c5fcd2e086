using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>Calls that the client cancels, or whose client disconnects.</summary>
public sealed class CancellationTests
{
    [Fact]
    public async Task A_cancelled_call_ends_at_once_and_its_response_is_dropped()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (text, _) =>
        {
            await gate.Task;
            return text;
        };
        using var cancellation = new CancellationTokenSource();

        Task<StringValue> call = echo.SayAsync(new StringValue(), cancellationToken: cancellation.Token).ResponseAsync;
        await cancellation.CancelAsync();

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.Soon());
        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        gate.SetResult();
        await echo.SayAsync(new StringValue()).ResponseAsync.Soon();
    }

    [Fact]
    public async Task A_call_with_a_cancelled_token_sends_nothing()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        var cancelled = new CancellationToken(canceled: true);

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => echo.SayAsync(new StringValue(), cancellationToken: cancelled).ResponseAsync.Soon());

        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await echo.SayAsync(new StringValue { Value = "x" }).ResponseAsync.Soon();
        await channel.DisposeAsync();
        await server.Served.Soon();
        Assert.Single(server.Events.Calls);
    }

    [Fact]
    public async Task A_client_that_disconnects_cancels_its_calls()
    {
        await using var server = new TestServer();
        var cancelled = new TaskCompletionSource();
        var started = new TaskCompletionSource();
        server.Service.OnSay = async (_, context) =>
        {
            started.SetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                cancelled.SetResult();
                throw;
            }

            return "";
        };
        await using (RawPeer peer = server.Raw())
        {
            await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x"));
            await started.Task.Soon();
        }

        await cancelled.Task.Soon();
        await server.Served.Soon();
        Assert.Equal(TtrpcCloseReason.PeerClosed, (await server.Events.Closed).Reason);
    }
}
