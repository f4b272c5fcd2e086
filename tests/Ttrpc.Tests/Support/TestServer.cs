namespace Ttrpc.Tests.Support;

/// <summary>A server with <see cref="EchoService"/>, a counting pool and one connection in memory.</summary>
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

    /// <summary>Completes when the connection has ended.</summary>
    public Task Served { get; }

    /// <summary>A channel over the connection.</summary>
    public TtrpcChannel Channel(TimeProvider? time = null, TtrpcLimits? limits = null) => new(
        _clientEnd,
        new TtrpcChannelOptions
        {
            BufferPool = Pool,
            TimeProvider = time ?? TimeProvider.System,
            Limits = limits ?? new TtrpcLimits(),
        });

    /// <summary>A client that speaks in frames over the connection.</summary>
    public RawPeer Raw() => new(_clientEnd);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync().AsTask().Soon();
        await _clientEnd.DisposeAsync();
        await Served.Soon();
        Events.Verify();
    }
}
