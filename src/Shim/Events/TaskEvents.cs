using Containerd.Api.Events;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Shim.Events;

/// <summary>The events of the task service: for each its topic and its type's name.</summary>
public static class TaskEvents
{
    /// <summary>A container was created.</summary>
    public static TaskEvent Of(TaskCreate message) => new("/tasks/create", "containerd.events.TaskCreate", message);

    /// <summary>A container's process was started.</summary>
    public static TaskEvent Of(TaskStart message) => new("/tasks/start", "containerd.events.TaskStart", message);

    /// <summary>A process ended.</summary>
    public static TaskEvent Of(TaskExit message) => new("/tasks/exit", "containerd.events.TaskExit", message);

    /// <summary>A process was removed.</summary>
    public static TaskEvent Of(TaskDelete message) => new("/tasks/delete", "containerd.events.TaskDelete", message);

    /// <summary>A further process was made.</summary>
    public static TaskEvent Of(TaskExecAdded message) =>
        new("/tasks/exec-added", "containerd.events.TaskExecAdded", message);

    /// <summary>A further process was started.</summary>
    public static TaskEvent Of(TaskExecStarted message) =>
        new("/tasks/exec-started", "containerd.events.TaskExecStarted", message);

    /// <summary>A container was paused.</summary>
    public static TaskEvent Of(TaskPaused message) => new("/tasks/paused", "containerd.events.TaskPaused", message);

    /// <summary>A paused container goes on.</summary>
    public static TaskEvent Of(TaskResumed message) => new("/tasks/resumed", "containerd.events.TaskResumed", message);

    /// <summary>A checkpoint was written.</summary>
    public static TaskEvent Of(TaskCheckpointed message) =>
        new("/tasks/checkpointed", "containerd.events.TaskCheckpointed", message);

    /// <summary>The kernel killed for want of memory.</summary>
    public static TaskEvent Of(TaskOOM message) => new("/tasks/oom", "containerd.events.TaskOOM", message);
}

/// <summary>An event as it goes to containerd.</summary>
/// <param name="Topic">What subscribers filter by.</param>
/// <param name="TypeUrl">The message's full name; containerd wants it without a prefix.</param>
/// <param name="Message">The event itself.</param>
public readonly record struct TaskEvent(string Topic, string TypeUrl, IMessage Message)
{
    /// <summary>The event in an <see cref="Any"/>.</summary>
    public Any Pack() => new() { TypeUrl = TypeUrl, Value = Message.ToByteString() };
}
