using System.Net.Sockets;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc.Tests.Support;

namespace Ttrpc.Tests;

/// <summary>Listening on real sockets: accept loop, allowed peers, clean-up.</summary>
public sealed class ListenerTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"ttrpc-{Guid.NewGuid():N}.sock");
    private readonly RecordingEvents _events = new();
    private readonly EchoService _service = new();

    public void Dispose()
    {
        File.Delete(_path);
        _events.Verify();
    }

    [Fact]
    public async Task A_listener_serves_and_does_not_unlink_its_path()
    {
        var listener = TtrpcSocketListener.Listen(_path);
        await using TtrpcServer server = NewServer();
        Task running = server.RunAsync(listener);
        string? caller = null;
        _service.OnSay = (text, context) =>
        {
            caller = context.Peer;
            return Task.FromResult(text);
        };

        await using (TtrpcChannel channel = await TtrpcChannel.ConnectAsync(_path))
            await new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon();
        await server.ShutdownAsync(TimeSpan.FromSeconds(10));
        await running.Soon();
        listener.Dispose();

        Assert.StartsWith($"unix:pid={Environment.ProcessId},uid=", caller);
        Assert.True(File.Exists(_path));
    }

    [Fact]
    public async Task Closing_the_listener_ends_the_accept_loop()
    {
        var listener = TtrpcSocketListener.Listen(_path);
        await using TtrpcServer server = NewServer();
        Task running = server.RunAsync(listener);

        listener.Dispose();

        await running.Soon();
        Assert.Empty(_events.Pauses);
    }

    [Fact]
    public async Task Cancelling_the_token_ends_the_accept_loop_but_not_the_connections()
    {
        using var listener = TtrpcSocketListener.Listen(_path);
        await using TtrpcServer server = NewServer();
        using var stop = new CancellationTokenSource();
        Task running = server.RunAsync(listener, stop.Token);
        await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync(_path);
        var echo = new Echo.EchoClient(channel);
        await echo.SayAsync(new StringValue()).ResponseAsync.Soon();

        await stop.CancelAsync();
        await running.Soon();

        await echo.SayAsync(new StringValue()).ResponseAsync.Soon();
    }

    [Fact]
    public async Task A_peer_of_another_user_is_rejected()
    {
        using var listener = TtrpcSocketListener.Listen(_path);
        await using TtrpcServer server = NewServer(options => options with { AllowedUid = 4_000_000_000 });
        Task running = server.RunAsync(listener);
        await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync(_path);

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon());

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        (TtrpcCloseReason reason, string message) = await _events.Closed.Soon();
        Assert.Equal(TtrpcCloseReason.ForeignUser, reason);
        Assert.EndsWith("only user 4000000000 is allowed", message);
        await server.ShutdownAsync(TimeSpan.Zero);
        await running.Soon();
    }

    [Fact]
    public async Task A_listener_that_fails_is_retried_after_growing_pauses()
    {
        var time = new FakeTime();
        await using TtrpcServer server = NewServer(options => options with { TimeProvider = time });
        var listener = new FailingListener(failures: 10);
        Task running = server.RunAsync(listener);

        for (int i = 0; i < 10; i++)
        {
            await time.UntilArmedAsync();
            time.Advance(TimeSpan.FromSeconds(1));
        }

        await running.Soon();
        Assert.Equal(
            [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000],
            _events.Pauses.Select(pause => (int)pause.TotalMilliseconds));
    }

    [Fact]
    public async Task Shutdown_ends_the_pause_before_a_retry()
    {
        var time = new FakeTime();
        await using TtrpcServer server = NewServer(options => options with { TimeProvider = time });
        Task running = server.RunAsync(new FailingListener(failures: int.MaxValue));
        await time.UntilArmedAsync();

        await server.ShutdownAsync(TimeSpan.Zero);

        await running.Soon();
    }

    [Fact]
    public async Task Connecting_without_a_listener_fails_and_names_the_path()
    {
        IOException error = await Assert.ThrowsAsync<IOException>(() => TtrpcChannel.ConnectAsync(_path));
        Assert.Contains(_path, error.Message);
    }

    [Fact]
    public async Task Closed_connections_leave_no_descriptors()
    {
        using var listener = TtrpcSocketListener.Listen(_path);
        await using TtrpcServer server = NewServer();
        Task running = server.RunAsync(listener);
        await CallOnceAsync();
        int before = OpenSockets();

        for (int i = 0; i < 50; i++)
            await CallOnceAsync();
        await server.ShutdownAsync(TimeSpan.FromSeconds(10));
        await running.Soon();

        Assert.InRange(OpenSockets(), 0, before);
    }

    private async Task CallOnceAsync()
    {
        await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync(_path);
        await new Echo.EchoClient(channel).SayAsync(new StringValue()).ResponseAsync.Soon();
    }

    private TtrpcServer NewServer(Func<TtrpcServerOptions, TtrpcServerOptions>? configure = null)
    {
        var services = new TtrpcServices();
        Echo.BindService(services, _service);
        var options = new TtrpcServerOptions { Events = _events };
        return new TtrpcServer(services, configure?.Invoke(options) ?? options);
    }

    // Counts sockets of this path only, because other tests run in parallel.
    private int OpenSockets() =>
        File.ReadLines("/proc/net/unix").Count(line => line.EndsWith(_path, StringComparison.Ordinal));

    private sealed class FailingListener(int failures) : ITtrpcListener
    {
        private int _left = failures;

        public ValueTask<TtrpcTransport?> AcceptAsync(CancellationToken cancellationToken) => _left-- > 0
            ? throw new SocketException((int)SocketError.TooManyOpenSockets)
            : default;
    }
}
