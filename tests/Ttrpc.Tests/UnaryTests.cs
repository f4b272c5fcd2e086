using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;
using Ttrpc.Wire;

namespace Ttrpc.Tests;

public sealed class UnaryTests
{
    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    public async Task A_call_returns_its_response(string text)
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        StringValue answer = await echo.SayAsync(new StringValue { Value = text }).ResponseAsync.Soon();

        Assert.Equal(text, answer.Value);
        await channel.DisposeAsync();
        await server.Served.Soon();
        Assert.Equal(("/ttrpc.test.Echo/Say", StatusCode.OK, null), server.Events.Calls.Single());
    }

    [Fact]
    public async Task A_message_is_sent_in_one_write_and_its_buffers_are_returned()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        for (int size = 1; size <= 4_000_000; size = (size * 7) + 3)
        {
            int before = server.ServerEnd.Writes;
            BytesValue answer = await echo.FillAsync(new Int32Value { Value = size }).ResponseAsync.Soon();
            Assert.Equal(size, answer.Value.Length);
            Assert.Equal(before + 1, server.ServerEnd.Writes);
        }

        await channel.DisposeAsync();
        await server.Served.Soon();
        await server.Pool.AllReturnedAsync().Soon();
    }

    [Fact]
    public async Task A_long_message_arrives_complete()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        string text = string.Concat(Enumerable.Range(0, 500_000).Select(i => (char)('a' + (i % 23))));

        var echo = new Echo.EchoClient(channel);
        StringValue response = await echo.SayAsync(new StringValue { Value = text }).ResponseAsync.Soon();

        Assert.Equal(text, response.Value);
    }

    [Fact]
    public async Task Calls_run_concurrently()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);
        var gate = new TaskCompletionSource();
        server.Service.OnSay = async (text, _) =>
        {
            if (text == "first")
                await gate.Task;
            return text;
        };

        Task<StringValue> first = echo.SayAsync(new StringValue { Value = "first" }).ResponseAsync;
        await echo.SayAsync(new StringValue { Value = "second" }).ResponseAsync.Soon();
        Assert.False(first.IsCompleted);
        gate.SetResult();
        Assert.Equal("first", (await first.Soon()).Value);
    }

    [Fact]
    public async Task Metadata_may_have_repeated_keys_and_binary_values()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        Metadata? seen = null;
        server.Service.OnSay = (text, context) =>
        {
            seen = context.RequestHeaders;
            return Task.FromResult(text);
        };
        var sent = new Metadata
        {
            { "containerd-namespace-ttrpc", "k8s.io" },
            { "many", "one" },
            { "many", "zwölf" },
            { "raw-bin", new byte[] { 0, 255, 7, 9 } },
            { "empty-bin", Array.Empty<byte>() },
        };

        await new Echo.EchoClient(channel).SayAsync(new StringValue(), sent).ResponseAsync.Soon();

        Assert.Equal("k8s.io", seen!.GetValue("containerd-namespace-ttrpc"));
        Assert.Equal(["one", "zwölf"], seen.GetAll("many").Select(entry => entry.Value));
        Assert.Equal([0, 255, 7, 9], seen.GetValueBytes("raw-bin"));
        Assert.Empty(seen.GetValueBytes("empty-bin")!);
    }

    [Fact]
    public async Task An_error_keeps_its_code_text_and_details()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue { Value = "fail" }).ResponseAsync.Soon());

        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Equal("as asked", error.Status.Detail);
        Assert.Equal("detail", EchoService.DetailOf(error));
    }

    [Fact]
    public async Task An_unmapped_exception_is_unknown_with_its_message_and_is_reported()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        server.Service.OnSay = (_, _) => throw new InvalidOperationException("went wrong");

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal((StatusCode.Unknown, "went wrong"), (error.StatusCode, error.Status.Detail));
        Assert.IsType<InvalidOperationException>(Assert.Single(server.Events.TakeFailures()));
    }

    [Fact]
    public async Task MapException_turns_an_exception_into_a_status()
    {
        await using var server = new TestServer(options => options with
        {
            MapException = (context, error) => error is FileNotFoundException
                ? new RpcException(new Status(StatusCode.NotFound, $"{context.Method}: {error.Message}"))
                : null,
        });
        await using TtrpcChannel channel = server.Channel();
        server.Service.OnSay = async (_, _) =>
        {
            await Task.Yield();
            throw new FileNotFoundException("no such thing");
        };

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Equal("/ttrpc.test.Echo/Say: no such thing", error.Status.Detail);
    }

    [Fact]
    public async Task Malformed_details_are_omitted_and_reported()
    {
        await using var server = new TestServer();
        server.Service.OnSay = (_, _) => throw new RpcException(
            new Status(StatusCode.Aborted, "aborted"),
            new Metadata { { "grpc-status-details-bin", new byte[] { 0x1a, 9 } } });
        await using TtrpcChannel channel = server.Channel();

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal(StatusCode.Aborted, error.StatusCode);
        Assert.Empty(error.Trailers);
        Assert.IsType<InvalidDataException>(Assert.Single(server.Events.TakeFailures()));
    }

    [Fact]
    public async Task A_call_is_answered_even_if_MapException_throws()
    {
        await using var server = new TestServer(options => options with
        {
            MapException = (_, _) => throw new NotSupportedException("mapping"),
        });
        server.Service.OnSay = (_, _) => throw new InvalidOperationException("went wrong");
        await using TtrpcChannel channel = server.Channel();

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal("went wrong", error.Status.Detail);
        Assert.Equal(["mapping", "went wrong"], server.Events.TakeFailures().Select(failure => failure.Message));
    }

    [Fact]
    public void With_a_synchronization_context_everything_runs_on_its_thread() => LoopThread.Run(async () =>
    {
        int thread = Environment.CurrentManagedThreadId;
        var threads = new HashSet<int>();
        await using var server = new TestServer();
        server.Service.OnSay = async (text, _) =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            await Task.Yield();
            threads.Add(Environment.CurrentManagedThreadId);
            return text;
        };
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        for (int i = 0; i < 200; i++)
        {
            await echo.SayAsync(new StringValue());
            threads.Add(Environment.CurrentManagedThreadId);
        }

        Assert.Equal([thread], threads);
        Assert.Throws<InvalidOperationException>(() => echo.Say(new StringValue()));
    });

    [Fact]
    public async Task A_status_set_on_the_context_is_sent()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        server.Service.OnSay = (text, context) =>
        {
            context.Status = new Status(StatusCode.AlreadyExists, "set");
            return Task.FromResult(text);
        };

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal((StatusCode.AlreadyExists, "set"), (error.StatusCode, error.Status.Detail));
    }

    [Theory]
    [InlineData("no.Such", "Say", "unknown service no.Such (method Say)")]
    [InlineData("ttrpc.test.Echo", "Sing", "unknown method Sing of service ttrpc.test.Echo")]
    public async Task An_unknown_service_or_method_is_unimplemented_and_named(
        string service, string method, string expected)
    {
        await using var server = new TestServer();
        await using RawPeer peer = server.Raw();

        await peer.SendAsync(FrameType.Request, 1, RawPeer.Request(method, "x", service: service));

        Assert.Equal(expected, await peer.ExpectErrorAsync(1, StatusCode.Unimplemented));
        Assert.Equal(new Status(StatusCode.Unimplemented, expected), Assert.Single(server.Events.Refused));
    }

    [Fact]
    public async Task A_response_too_long_for_a_frame_is_an_error()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => echo.FillAsync(new Int32Value { Value = 5 << 20 }).ResponseAsync.Soon());

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        await echo.SayAsync(new StringValue()).ResponseAsync.Soon();
    }

    [Fact]
    public async Task A_request_too_long_for_a_frame_is_not_sent()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();
        var echo = new Echo.EchoClient(channel);
        var request = new StringValue { Value = new string('x', 4 << 20) };

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => echo.SayAsync(request).ResponseAsync.Soon());

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        await echo.SayAsync(new StringValue()).ResponseAsync.Soon();
        await server.Pool.AllReturnedAsync().Soon();
    }

    [Fact]
    public async Task A_blocking_call_works_outside_the_loop()
    {
        await using var server = new TestServer();
        await using TtrpcChannel channel = server.Channel();

        var echo = new Echo.EchoClient(channel);
        StringValue response = await Task.Run(() => echo.Say(new StringValue { Value = "x" })).Soon();

        Assert.Equal("x", response.Value);
    }
}
