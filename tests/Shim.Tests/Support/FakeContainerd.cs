using Containerd.Api.Events;
using Containerd.Api.Types;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Linux;
using Shim.Service;
using Ttrpc;
using EventsApi = Containerd.Api.Events.Events;

namespace Shim.Tests.Support;

/// <summary>A containerd as far as shims' events go: its ttrpc socket with the service that takes them.</summary>
internal sealed class FakeContainerd : EventsApi.EventsBase, IAsyncDisposable
{
    private readonly UnixListener _listener;
    private readonly TtrpcServer _server;
    private readonly string _address;
    private int _atOnce;

    public FakeContainerd(EventLoop loop, string address)
    {
        _address = address;
        TtrpcServices services = new();
        EventsApi.BindService(services, this);
        _server = new TtrpcServer(services, new TtrpcServerOptions { TimeProvider = loop.Time });
        _listener = UnixListener.Bind(address);
        _ = _server.RunAsync(new ShimListener(_listener));
    }

    /// <summary>What was taken.</summary>
    public List<Envelope> Taken { get; } = [];

    /// <summary>The ids in it, of the containers in TaskStart events.</summary>
    public IEnumerable<string> TakenIds => Taken.Select(IdOf);

    /// <summary>The most events that were being taken at the same time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>Called before an event is taken.</summary>
    public Func<string, Task>? OnForward { get; set; }

    public override async Task<Empty> Forward(ForwardRequest request, ServerCallContext context)
    {
        MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
        try
        {
            if (OnForward is { } hook)
                await hook(IdOf(request.Envelope));
            await Task.Yield();
            Taken.Add(request.Envelope);
            return new Empty();
        }
        finally
        {
            _atOnce--;
        }
    }

    /// <summary>Ends as a kill does: connections end at once, calls unanswered.</summary>
    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        File.Delete(_address);
        await _server.DisposeAsync();
    }

    private static string IdOf(Envelope envelope) => TaskStart.Parser.ParseFrom(envelope.Event.Value).ContainerId;
}
