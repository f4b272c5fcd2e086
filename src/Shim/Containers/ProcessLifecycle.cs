namespace Shim.Containers;

/// <summary>The state of a process.</summary>
internal enum ProcessState
{
    /// <summary>Created, not yet started.</summary>
    Created,

    /// <summary>Started and not yet ended.</summary>
    Running,

    /// <summary>Started, and paused with its whole sandbox.</summary>
    Paused,

    /// <summary>Ended; its exit status is known.</summary>
    Stopped,

    /// <summary>Deleted; only those who still hold it see it.</summary>
    Deleted,
}

/// <summary>What changes a process's state.</summary>
internal enum ProcessVerb
{
    /// <summary>It starts to run.</summary>
    Start,

    /// <summary>It is paused.</summary>
    Pause,

    /// <summary>It is resumed.</summary>
    Resume,

    /// <summary>It ended, or can never run.</summary>
    Exit,

    /// <summary>It is deleted.</summary>
    Delete,
}

/// <summary>The life of a process, whether a container's first or an exec.</summary>
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
internal static class ProcessLifecycle
{
    /// <summary>The state after <paramref name="verb"/>, or null if the table has none.</summary>
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
    /// <param name="verb">The change.</param>
    /// <param name="process">The process's name in messages.</param>
    /// <exception cref="RefusedException">The verb is not possible in this state.</exception>
    public static ProcessState Move(ProcessState state, ProcessVerb verb, string process) =>
        Next(state, verb) ?? throw (state == ProcessState.Deleted
            ? new RefusedException(Refusal.NotFound, $"{process} is deleted")
            : new RefusedException(Refusal.WrongState, $"cannot {NameOf(verb)} {process}: it is {NameOf(state)}"));

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
