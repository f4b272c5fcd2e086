using Containerd.Api.Events;
using Containerd.Api.Types;
using Linux;
using Shim.Service;

namespace Shim.Tests.Support;

/// <summary>containerd's socket for events, on the test's event loop.</summary>
internal sealed class FakeContainerd : IAsyncDisposable
{
    private readonly EventSink _sink;
    private readonly string _address;

    public FakeContainerd(EventLoop loop, string address)
    {
        _address = address;
        UnixListener listener = UnixListener.Bind(address);
        _sink = new EventSink(new ShimListener(listener), listener, loop.Time) { OnForward = ForwardAsync };
    }

    /// <summary>What was taken.</summary>
    public IReadOnlyList<Envelope> Taken => _sink.Taken;

    /// <summary>The ids in it, of the containers in TaskStart events.</summary>
    public IEnumerable<string> TakenIds => Taken.Select(IdOf);

    /// <summary>The most events that were being taken at the same time.</summary>
    public int MostAtOnce => _sink.MostAtOnce;

    /// <summary>Called before an event is taken.</summary>
    public Func<string, Task>? OnForward { get; set; }

    /// <summary>Ends as a kill does: connections end at once, calls unanswered.</summary>
    public async ValueTask DisposeAsync()
    {
        File.Delete(_address);
        await _sink.DisposeAsync();
    }

    /// <summary>On one loop calls overlap only where one of them yields.</summary>
    private async Task ForwardAsync(Envelope envelope)
    {
        if (OnForward is { } hook)
            await hook(IdOf(envelope));
        await Task.Yield();
    }

    private static string IdOf(Envelope envelope) => TaskStart.Parser.ParseFrom(envelope.Event.Value).ContainerId;
}
