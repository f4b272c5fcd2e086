using Containerd.Api.Events;
using Containerd.Api.Types;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc;
using EventsApi = Containerd.Api.Events.Events;

namespace Testing;

/// <summary>containerd's ttrpc socket: takes the events that shims publish.</summary>
public sealed class EventSink : EventsApi.EventsBase, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Envelope> _taken = [];
    private readonly TtrpcServer _server;
    private readonly IDisposable _socket;
    private readonly Task _accepting;
    private int _atOnce;

    /// <summary>Listens on a socket.</summary>
    public EventSink(string socket) : this(TtrpcSocketListener.Listen(socket))
    {
    }

    private EventSink(TtrpcSocketListener listener) : this(listener, listener, TimeProvider.System)
    {
    }

    /// <summary>Takes connections from a listener, for tests on an event loop.</summary>
    /// <param name="listener">The listener.</param>
    /// <param name="socket">Disposed with this; ends the listener.</param>
    /// <param name="time">The server's clock.</param>
    public EventSink(ITtrpcListener listener, IDisposable socket, TimeProvider time)
    {
        TtrpcServices services = new();
        EventsApi.BindService(services, this);
        _server = new TtrpcServer(services, new TtrpcServerOptions { TimeProvider = time });
        _socket = socket;
        _accepting = _server.RunAsync(listener);
    }

    /// <summary>False: events are dropped, for measurements that take many.</summary>
    public bool Keeps { get; init; } = true;

    /// <summary>Awaited before an event is taken.</summary>
    public Func<Envelope, Task>? OnForward { get; set; }

    /// <summary>The largest number of events that were being taken at one time.</summary>
    public int MostAtOnce { get; private set; }

    /// <summary>The events taken so far, in order.</summary>
    public IReadOnlyList<Envelope> Taken
    {
        get
        {
            lock (_gate)
                return [.. _taken];
        }
    }

    public override async Task<Empty> Forward(ForwardRequest request, ServerCallContext context)
    {
        lock (_gate)
            MostAtOnce = Math.Max(MostAtOnce, ++_atOnce);
        try
        {
            if (OnForward is { } hook)
                await hook(request.Envelope);
            lock (_gate)
                if (Keeps)
                    _taken.Add(request.Envelope);
            return new Empty();
        }
        finally
        {
            lock (_gate)
                _atOnce--;
        }
    }

    /// <summary>Ends as a kill does: connections end at once, calls unanswered.</summary>
    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _server.DisposeAsync();
        await _accepting;
    }
}
