using Google.Protobuf;
using Shim.Events;

namespace Shim.Tests.Support;

/// <summary>Keeps the events that containerd would receive.</summary>
internal sealed class RecordedEvents : IEventSink
{
    private readonly List<TaskEvent> _events = [];

    /// <summary>The topics in order, without <c>/tasks/</c>.</summary>
    public IReadOnlyList<string> Topics => [.. _events.Select(static each => each.Topic["/tasks/".Length..])];

    /// <summary>The messages of a type, in order.</summary>
    public IReadOnlyList<T> Of<T>() where T : IMessage => [.. _events.Select(static each => each.Message).OfType<T>()];

    public void Publish(TaskEvent taskEvent) => _events.Add(taskEvent);
}
