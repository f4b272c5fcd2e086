namespace Shim.Containers;

/// <summary>Where a process is in its life.</summary>
public enum ProcessState
{
    /// <summary>Made, not yet started.</summary>
    Created,

    /// <summary>Started and not yet ended.</summary>
    Running,

    /// <summary>Running, but stopped for the time being, as its whole sandbox is.</summary>
    Paused,

    /// <summary>Ended; its exit status is known.</summary>
    Stopped,

    /// <summary>Removed; only whoever still holds it sees it.</summary>
    Deleted,
}

/// <summary>What can happen to a process.</summary>
public enum ProcessVerb
{
    /// <summary>It is let run.</summary>
    Start,

    /// <summary>It is stopped for the time being.</summary>
    Pause,

    /// <summary>It goes on.</summary>
    Resume,

    /// <summary>It ended, or can never run.</summary>
    Exit,

    /// <summary>It is removed.</summary>
    Delete,
}

/// <summary>The life of a process, the first of a container as well as one that Exec made.</summary>
/// <remarks>
/// <code>
///            Start     Pause    Resume    Exit      Delete
/// Created    Running   -        -         Stopped   Deleted
/// Running    -         Paused   -         Stopped   -
/// Paused     -         -        Running   Stopped   -
/// Stopped    -         -        -         -         Deleted
/// Deleted    -         -        -         -         -
/// </code>
/// </remarks>
public static class ProcessLifecycle
{
    /// <summary>The state after <paramref name="verb"/>, or null where the table has none.</summary>
    public static ProcessState? Next(ProcessState state, ProcessVerb verb) => (state, verb) switch
    {
        (ProcessState.Created, ProcessVerb.Start) => ProcessState.Running,
        (ProcessState.Running, ProcessVerb.Pause) => ProcessState.Paused,
        (ProcessState.Paused, ProcessVerb.Resume) => ProcessState.Running,
        (ProcessState.Created or ProcessState.Running or ProcessState.Paused, ProcessVerb.Exit) => ProcessState.Stopped,
        (ProcessState.Created or ProcessState.Stopped, ProcessVerb.Delete) => ProcessState.Deleted,
        _ => null,
    };

    /// <summary>The state after <paramref name="verb"/>.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="verb">What is to happen.</param>
    /// <param name="process">What messages call the process.</param>
    /// <exception cref="ContainerException">The verb cannot happen in this state.</exception>
    public static ProcessState Move(ProcessState state, ProcessVerb verb, string process) =>
        Next(state, verb) ?? throw (state == ProcessState.Deleted
            ? new ContainerException(Refusal.NotFound, $"{process} is deleted")
            : new ContainerException(Refusal.WrongState, $"cannot {NameOf(verb)} {process}: it is {NameOf(state)}"));

    private static string NameOf(ProcessVerb verb) => verb switch
    {
        ProcessVerb.Start => "start",
        ProcessVerb.Pause => "pause",
        ProcessVerb.Resume => "resume",
        ProcessVerb.Exit => "end",
        _ => "delete",
    };

    /// <summary>The state in a word.</summary>
    public static string NameOf(ProcessState state) => state switch
    {
        ProcessState.Created => "created",
        ProcessState.Running => "running",
        ProcessState.Paused => "paused",
        ProcessState.Stopped => "stopped",
        _ => "deleted",
    };
}
