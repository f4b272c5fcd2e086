using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;

namespace Ttrpc.Tests;

/// <summary>Client and server against containerd's Go implementation.</summary>
public sealed class GoConformanceTests(GoPeer go) : IClassFixture<GoPeer>, IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"ttrpc-go-{Guid.NewGuid():N}.sock");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public async Task The_go_client_calls_our_server()
    {
        var events = new RecordingEvents();
        var services = new TtrpcServices();
        Echo.BindService(services, new EchoService());
        await using var server = new TtrpcServer(services, new TtrpcServerOptions { Events = events });
        using var listener = TtrpcSocketListener.Listen(_path);
        Task running = server.RunAsync(listener);

        string[] lines = await go.CallAsync(_path);

        Assert.Equal(
            [
                "say: \"hello\"",
                "say nothing: \"\"",
                "fail: \"\" FailedPrecondition \"as asked\" detail detail",
                "metadata: \"one,two\"",
                "deadline: \"\" DeadlineExceeded",
                "after the deadline: \"still here\"",
                "oversized: \"\" ResourceExhausted \"message of 5242918 bytes exceeds the limit of 4194304\"",
                "after the oversized: \"still here\"",
                "unknown method: \"\" Unimplemented \"unknown method Sing of service ttrpc.test.Echo\"",
                "unknown service: \"\" Unimplemented \"unknown service no.Such (method Say)\"",
                "join: \"ab\"",
                "split: \"a.b.c.\"",
                "split and fail: \"a.b.\" FailedPrecondition \"as asked\" detail detail",
                "chat: \"a.b.c.\"",
                "chat and fail: \"a.\" FailedPrecondition \"as asked\" detail detail",
            ],
            lines.Select(WithoutEnvelope));
        (TtrpcCloseReason reason, _) = await events.Closed.Soon();
        Assert.Equal(TtrpcCloseReason.PeerClosed, reason);
        events.Verify();
        await server.ShutdownAsync(TimeSpan.FromSeconds(5));
        await running.Soon();
        Assert.Contains(events.Calls, call => call.Code == StatusCode.DeadlineExceeded);
    }

    [Fact]
    public async Task Our_client_makes_unary_calls_to_the_go_server()
    {
        await using TtrpcChannel channel = await ConnectAsync();
        var echo = new Echo.EchoClient(channel);

        Assert.Equal("hello", (await Say(echo, "hello")).Value);
        Assert.Equal("", (await Say(echo, "")).Value);
        Assert.Equal(new Empty(), await echo.NothingAsync(new Empty()).ResponseAsync.Soon());
        var headers = new Metadata { { "key", "one" }, { "key", "two" }, { "raw-bin", new byte[] { 1, 2 } } };
        Assert.Equal("one,two", (await Say(echo, "meta key", headers)).Value);
        Assert.Equal("AQI", (await Say(echo, "meta raw-bin", headers)).Value);
        BytesValue filled = await echo.FillAsync(new Int32Value { Value = 4_000_000 }).ResponseAsync.Soon();
        Assert.Equal(4_000_000, filled.Value.Length);
    }

    [Fact]
    public async Task Our_client_reads_errors_of_the_go_server()
    {
        await using TtrpcChannel channel = await ConnectAsync();
        var echo = new Echo.EchoClient(channel);

        RpcException failed = await Assert.ThrowsAsync<RpcException>(() => Say(echo, "fail"));
        Assert.Equal((StatusCode.FailedPrecondition, "as asked"), (failed.StatusCode, failed.Status.Detail));
        Assert.Equal("detail", EchoService.DetailOf(failed));

        RpcException late = await Assert.ThrowsAsync<RpcException>(
            () => echo.SayAsync(new StringValue { Value = "wait" }, deadline: DateTime.UtcNow.AddMilliseconds(50))
                .ResponseAsync.Soon());
        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);

        RpcException oversized = await Assert.ThrowsAsync<RpcException>(
            () => echo.FillAsync(new Int32Value { Value = 5 << 20 }).ResponseAsync.Soon());
        Assert.Equal(StatusCode.ResourceExhausted, oversized.StatusCode);

        Assert.Equal("still here", (await Say(echo, "still here")).Value);
    }

    [Fact]
    public async Task Our_client_streams_with_the_go_server()
    {
        await using TtrpcChannel channel = await ConnectAsync();
        var echo = new Echo.EchoClient(channel);

        using (var join = echo.Join())
        {
            foreach (string part in new[] { "a", "", "b" })
                await join.RequestStream.WriteAsync(new StringValue { Value = part });
            await join.RequestStream.CompleteAsync();
            Assert.Equal("ab", (await join.ResponseAsync.Soon()).Value);
        }

        using (var split = echo.Split(new StringValue { Value = "abc" }))
        {
            Assert.Equal(
                ["a", "b", "c"],
                await split.ResponseStream.ReadAllAsync().Select(part => part.Value).ToListAsync());
        }

        using (var split = echo.Split(new StringValue { Value = "a!" }))
        {
            Assert.True(await split.ResponseStream.MoveNext(CancellationToken.None).Soon());
            RpcException error = await Assert.ThrowsAsync<RpcException>(
                () => split.ResponseStream.MoveNext(CancellationToken.None).Soon());
            Assert.Equal("detail", EchoService.DetailOf(error));
        }

        using (var chat = echo.Chat())
        {
            foreach (string part in new[] { "a", "b" })
            {
                await chat.RequestStream.WriteAsync(new StringValue { Value = part });
                Assert.True(await chat.ResponseStream.MoveNext(CancellationToken.None).Soon());
                Assert.Equal(part, chat.ResponseStream.Current.Value);
            }

            await chat.RequestStream.CompleteAsync();
            Assert.False(await chat.ResponseStream.MoveNext(CancellationToken.None).Soon());
        }

        Assert.Equal("still here", (await Say(echo, "still here")).Value);
    }

    private static Task<StringValue> Say(Echo.EchoClient echo, string text, Metadata? headers = null) =>
        echo.SayAsync(new StringValue { Value = text }, headers).ResponseAsync.Soon();

    // The oversized frame includes Go's timeout, whose varint may be one byte shorter.
    private static string WithoutEnvelope(string line) => line.Replace("5242917", "5242918", StringComparison.Ordinal);

    private async Task<TtrpcChannel> ConnectAsync()
    {
        await go.ServeAsync(_path);
        return await TtrpcChannel.ConnectAsync(_path);
    }
}
