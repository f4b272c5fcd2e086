namespace Ttrpc.Tests.Support;

/// <summary>A server with <see cref="EchoService"/>, a counting pool and one in-memory connection.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly PairedStream _clientEnd;

    public TestServer(Func<TtrpcServerOptions, TtrpcServerOptions>? configure = null, int capacity = 64 * 1024)
    {
        var services = new TtrpcServices();
        Echo.BindService(services, Service);
        var options = new TtrpcServerOptions { Events = Events, BufferPool = Pool };
        Server = new TtrpcServer(services, configure?.Invoke(options) ?? options);
        (_clientEnd, ServerEnd) = PairedStream.Create(capacity);
        Served = Server.ServeAsync(new TtrpcTransport(ServerEnd));
    }

    public EchoService Service { get; } = new();

    public RecordingEvents Events { get; } = new();

    public CountingPool Pool { get; } = new();

    public TtrpcServer Server { get; }

    public PairedStream ServerEnd { get; }

    /// <summary>Completes when the connection has closed.</summary>
    public Task Served { get; }

    /// <summary>A channel over the connection.</summary>
    public TtrpcChannel Channel() => new(_clientEnd, new TtrpcChannelOptions { BufferPool = Pool });

    /// <summary>A client that sends and receives raw frames over the connection.</summary>
    public RawPeer Raw() => new(_clientEnd);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().AsTask().Soon();
        await _clientEnd.DisposeAsync();
        await Served.Soon();
        Events.Verify();
    }
}
