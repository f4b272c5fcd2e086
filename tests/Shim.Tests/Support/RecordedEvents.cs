using Containerd.Api.Events;
using Google.Protobuf;
using Shim.Events;

namespace Shim.Tests.Support;

/// <summary>Keeps the events that containerd would receive.</summary>
internal sealed class RecordedEvents : IEventSink
{
    private readonly List<TaskEvent> _events = [];

    /// <summary>The topics in order, without <c>/tasks/</c>.</summary>
    public IReadOnlyList<string> Topics => [.. _events.Select(TopicOf)];

    /// <summary>
    /// Each event in short: its topic, the container or <c>CONTAINER/EXEC</c>, and the exit status where it has one.
    /// </summary>
    public IReadOnlyList<string> Lines => [.. _events.Select(static each => $"{TopicOf(each)} {About(each.Message)}")];

    /// <summary>The messages of a type, in order.</summary>
    public IReadOnlyList<T> Of<T>() where T : IMessage => [.. _events.Select(static each => each.Message).OfType<T>()];

    /// <summary>Forgets the events so far.</summary>
    public void Clear() => _events.Clear();

    public void Publish(TaskEvent taskEvent) => _events.Add(taskEvent);

    private static string TopicOf(TaskEvent taskEvent) => taskEvent.Topic["/tasks/".Length..];

    private static string About(IMessage message) => message switch
    {
        TaskCreate create => create.ContainerId,
        TaskStart start => start.ContainerId,
        TaskExit exit => $"{NameOf(exit.ContainerId, exit.Id)} {exit.ExitStatus}",
        TaskDelete delete => $"{NameOf(delete.ContainerId, delete.Id)} {delete.ExitStatus}",
        TaskExecAdded added => NameOf(added.ContainerId, added.ExecId),
        TaskExecStarted started => NameOf(started.ContainerId, started.ExecId),
        TaskPaused paused => paused.ContainerId,
        TaskResumed resumed => resumed.ContainerId,
        TaskCheckpointed checkpointed => checkpointed.ContainerId,
        TaskOOM oom => oom.ContainerId,
        _ => throw new NotSupportedException($"event {message.Descriptor.FullName}"),
    };

    private static string NameOf(string container, string process) =>
        process == container || process.Length == 0 ? container : $"{container}/{process}";
}
