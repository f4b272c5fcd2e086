using Containerd.Api.Events;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Io;

namespace Shim.Events;

/// <summary>The events of the task service, made from plain values.</summary>
/// <remarks>Topics and types as in containerd's <c>api/events/task.proto</c> and <c>runtime/events.go</c>.</remarks>
internal static class TaskEvents
{
    /// <summary>A container was created.</summary>
    /// <param name="id">The container.</param>
    /// <param name="bundle">Its bundle's directory.</param>
    /// <param name="rootfs">The mounts of its root file system.</param>
    /// <param name="stdio">The standard streams that were requested.</param>
    /// <param name="checkpoint">The directory of the image that it is restored from; null: none.</param>
    /// <param name="pid">The process of the node that represents it.</param>
    public static TaskEvent Created(string id, string bundle, IReadOnlyList<MountSpec> rootfs, StdioRequest stdio,
        string? checkpoint, int pid)
    {
        var message = new TaskCreate
        {
            ContainerId = id,
            Bundle = bundle,
            Io = new TaskIO
            {
                Stdin = stdio.Stdin,
                Stdout = stdio.Stdout,
                Stderr = stdio.Stderr,
                Terminal = stdio.Terminal,
            },
            Checkpoint = checkpoint ?? "",
            Pid = (uint)pid,
        };
        foreach (MountSpec mount in rootfs)
        {
            message.Rootfs.Add(new Containerd.Api.Types.Mount
            {
                Type = mount.Type,
                Source = mount.Source,
                Target = mount.Target,
                Options = { mount.Options },
            });
        }
        return new("/tasks/create", "containerd.events.TaskCreate", message);
    }

    /// <summary>A container's first process was started.</summary>
    public static TaskEvent Started(string id, int pid) => new(
        "/tasks/start", "containerd.events.TaskStart", new TaskStart { ContainerId = id, Pid = (uint)pid });

    /// <summary>A process ended.</summary>
    /// <param name="id">The container.</param>
    /// <param name="processId">The container's id for its first process, else the exec's.</param>
    /// <param name="pid">The process of the node that represented it.</param>
    /// <param name="status">Its exit status.</param>
    /// <param name="at">When it ended.</param>
    public static TaskEvent Exited(string id, string processId, int pid, int status, DateTimeOffset at) => new(
        "/tasks/exit", "containerd.events.TaskExit", new TaskExit
        {
            ContainerId = id,
            Id = processId,
            Pid = (uint)pid,
            ExitStatus = (uint)status,
            ExitedAt = Timestamp.FromDateTimeOffset(at),
        });

    /// <summary>
    /// A container was deleted. An exec's deletion has no event, and the field <c>id</c> stays empty.
    /// </summary>
    /// <inheritdoc cref="Exited"/>
    public static TaskEvent Deleted(string id, int pid, int status, DateTimeOffset at) => new(
        "/tasks/delete", "containerd.events.TaskDelete", new TaskDelete
        {
            ContainerId = id,
            Pid = (uint)pid,
            ExitStatus = (uint)status,
            ExitedAt = Timestamp.FromDateTimeOffset(at),
        });

    /// <summary>An exec was added to a container.</summary>
    public static TaskEvent ExecAdded(string id, string execId) => new(
        "/tasks/exec-added", "containerd.events.TaskExecAdded",
        new TaskExecAdded { ContainerId = id, ExecId = execId });

    /// <summary>An exec's process was started.</summary>
    public static TaskEvent ExecStarted(string id, string execId, int pid) => new(
        "/tasks/exec-started", "containerd.events.TaskExecStarted",
        new TaskExecStarted { ContainerId = id, ExecId = execId, Pid = (uint)pid });

    /// <summary>A container was paused.</summary>
    public static TaskEvent Paused(string id) => new(
        "/tasks/paused", "containerd.events.TaskPaused", new TaskPaused { ContainerId = id });

    /// <summary>A paused container was resumed.</summary>
    public static TaskEvent Resumed(string id) => new(
        "/tasks/resumed", "containerd.events.TaskResumed", new TaskResumed { ContainerId = id });

    /// <summary>A checkpoint was written to a directory.</summary>
    public static TaskEvent Checkpointed(string id, string path) => new(
        "/tasks/checkpointed", "containerd.events.TaskCheckpointed",
        new TaskCheckpointed { ContainerId = id, Checkpoint = path });

    /// <summary>The kernel killed a process because memory ran out.</summary>
    public static TaskEvent OutOfMemory(string id) => new(
        "/tasks/oom", "containerd.events.TaskOOM", new TaskOOM { ContainerId = id });
}
