using Containerd.Api.Events;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc;
using EventsApi = Containerd.Api.Events.Events;

namespace Benchmarks;

/// <summary>containerd's ttrpc socket: takes the shims' events.</summary>
internal sealed class EventSink : EventsApi.EventsBase, IAsyncDisposable
{
    private readonly TtrpcServer _server;
    private readonly TtrpcSocketListener _listener;

    public EventSink(string socket)
    {
        var services = new TtrpcServices();
        EventsApi.BindService(services, this);
        _server = new TtrpcServer(services);
        _listener = TtrpcSocketListener.Listen(socket);
        Accepting = _server.RunAsync(_listener);
    }

    private Task Accepting { get; }

    public override Task<Empty> Forward(ForwardRequest request, ServerCallContext context) => Task.FromResult(new Empty());

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _server.DisposeAsync();
        await Accepting;
    }
}
