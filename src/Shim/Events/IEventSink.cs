namespace Shim.Events;

/// <summary>Receives events for containerd, in order.</summary>
internal interface IEventSink
{
    /// <summary>Queues an event. On the loop's thread; never waits.</summary>
    void Publish(TaskEvent taskEvent);
}
