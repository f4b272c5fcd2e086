using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

/// <summary>Deadlines, cancellation, lost peers, peers that do not read, shutdown.</summary>
public sealed class EndingTests
{
    [Fact]
    public async Task A_deadline_cancels_the_handler_and_is_answered()
    {
        var time = new FakeTime();
        await using var server = new TestServer(options => options with { TimeProvider = time });
        await using RawPeer peer = server.Raw();
        var cancelled = new TaskCompletionSource<DateTime>();
        server.Service.OnSay = async (_, context) =>
        {
            context.CancellationToken.Register(() => cancelled.SetResult(context.Deadline));
            // Does not care about its token.
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
        Assert.Equal("/ttrpc.test.Echo/Say was not done within 2 s", text);
        Assert.Equal(deadline, await cancelled.Task.Soon());
    }

    [Fact]
    public async Task A_handler_that_ends_in_time_leaves_no_timer()
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

        await peer.ExpectSaidAsync(1, "x");
        await peer.SendAsync(FrameType.Request, 3, RawPeer.Request("Nothing", null));
        await peer.ExpectResponseAsync(3);
        Assert.Equal(0, time.Armed);
    }

    [Fact]
    public async Task A_deadline_that_has_passed_is_answered_without_running()
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request("Say", "x", timeoutNano: -1));

        await peer.ExpectErrorAsync(1, StatusCode.DeadlineExceeded);
        Assert.Empty(server.Events.Calls);
    }

    [Fact]
    public async Task The_client_keeps_its_deadline_even_if_the_server_does_not()
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

    [Fact]
    public async Task A_cancelled_call_ends_at_once_and_its_answer_is_dropped()
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
    public async Task A_token_that_is_cancelled_before_sends_nothing()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => echo.SayAsync(new StringValue(), cancellationToken: new CancellationToken(true)).ResponseAsync.Soon());

        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
        await echo.SayAsync(new StringValue { Value = "x" }).ResponseAsync.Soon();
        await channel.DisposeAsync();
        await server.Served.Soon();
        Assert.Single(server.Events.Calls);
    }

    [Fact]
    public async Task A_lost_client_cancels_its_calls()
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

    [Fact]
    public async Task A_lost_server_fails_all_calls_with_the_reason()
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
            Assert.Equal("ttrpc connection is closed: peer closed the connection", error.Status.Detail);
        }

        Assert.Equal(TtrpcCloseReason.PeerClosed, channel.CloseReason);
    }

    [Theory]
    [InlineData(FrameType.Request, 1u, TtrpcCloseReason.UnexpectedFrameType)]
    [InlineData(FrameType.Response, 2u, TtrpcCloseReason.UnopenedStream)]
    [InlineData(FrameType.Response, 3u, TtrpcCloseReason.UnopenedStream)]
    [InlineData(FrameType.Response, 1u, TtrpcCloseReason.MalformedResponse)]
    internal async Task A_server_that_talks_nonsense_is_left(FrameType type, uint id, TtrpcCloseReason reason)
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
    public async Task An_oversized_answer_fails_its_call_only()
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

    [Fact]
    public async Task A_peer_that_does_not_read_is_read_no_more_and_hinders_nobody()
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

        // It reads at last. The server was never further ahead than what is unsent and what the pipe holds.
        for (int i = 0; i < Requests; i++)
        {
            Assert.InRange(Volatile.Read(ref said) - i, 0, 20);
            await peer.ExpectSaidAsync((uint)((2 * i) + 1), text);
        }

        await writing.Soon();
    }

    [Fact]
    public async Task Answers_that_pile_up_beyond_all_bounds_close()
    {
        await using var server = new TestServer(
            options => options with { Limits = new TtrpcLimits { UnsentBytes = 10_000, MaxUnsentBytes = 20_000 } }, capacity: 4096);
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
    public async Task One_answer_beyond_the_bound_closes_and_the_connection_ends()
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

        await peer.ExpectSaidAsync(1, "x");
        await peer.ExpectEndAsync();
        await shutdown.Soon();
        Assert.Equal(TtrpcCloseReason.Shutdown, (await server.Events.Closed).Reason);
    }

    [Fact]
    public async Task Shutdown_cancels_what_runs_beyond_its_bound()
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
        await peer.ExpectEndAsync();
        Assert.Equal(TtrpcCloseReason.ShutdownBoundPassed, (await server.Events.Closed).Reason);
    }

    [Fact]
    public async Task A_handler_may_shut_its_own_server_down()
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

        await peer.ExpectSaidAsync(1, "bye");
        await peer.ExpectEndAsync();
        await shutdown!.Soon();
    }
}
