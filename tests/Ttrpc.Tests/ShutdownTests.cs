using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>Shutting down a server with running calls.</summary>
public sealed class ShutdownTests
{
    [Fact]
    public async Task Shutdown_waits_for_calls_and_refuses_new_ones()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        var gate = new TaskCompletionSource();
        var started = new TaskCompletionSource();
        server.Service.OnSay = async (text, _) =>
        {
            started.SetResult();
            await gate.Task;
            return text;
        };
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x"));
        await started.Task.Soon();

        Task shutdown = server.Server.ShutdownAsync(TimeSpan.FromMinutes(1));
        await peer.SendAsync(FrameType.Request, 3, RawPeer.Request("Nothing", null));
        await peer.ExpectErrorAsync(3, StatusCode.Unavailable);
        Assert.False(shutdown.IsCompleted);
        gate.SetResult();

        await peer.ExpectTextAsync(1, "x");
        await peer.ExpectClosedAsync();
        await shutdown.Soon();
        Assert.Equal(TtrpcCloseReason.Shutdown, (await server.Events.Closed).Reason);
    }

    [Fact]
    public async Task Shutdown_cancels_calls_that_exceed_the_drain_timeout()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with { TimeProvider = time });
        await using RawPeer peer = server.Raw();
        var started = new TaskCompletionSource();
        var cancelled = new TaskCompletionSource();
        server.Service.OnSay = async (_, context) =>
        {
            context.CancellationToken.Register(cancelled.SetResult);
            started.SetResult();
            await new TaskCompletionSource().Task;
            return "";
        };
        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x"));
        await started.Task.Soon();

        Task shutdown = server.Server.ShutdownAsync(TimeSpan.FromSeconds(5));
        await time.UntilArmedAsync();
        time.Advance(TimeSpan.FromSeconds(5));

        await shutdown.Soon();
        await cancelled.Task.Soon();
        await peer.ExpectClosedAsync();
        Assert.Equal(TtrpcCloseReason.ShutdownTimedOut, (await server.Events.Closed).Reason);
    }

    [Fact]
    public async Task A_handler_can_shut_down_its_own_server()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();
        Task? shutdown = null;
        server.Service.OnSay = (text, _) =>
        {
            shutdown = server.Server.ShutdownAsync(TimeSpan.FromMinutes(1));
            return Task.FromResult(text);
        };

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "bye"));

        await peer.ExpectTextAsync(1, "bye");
        await peer.ExpectClosedAsync();
        await shutdown!.Soon();
    }
}
