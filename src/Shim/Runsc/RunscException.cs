namespace Shim.Runsc;

/// <summary>What a failed runsc command means for its caller.</summary>
internal enum RunscFailure
{
    /// <summary>The command failed; the message says why.</summary>
    Failed,

    /// <summary>The container or process does not exist, or no longer.</summary>
    NotFound,

    /// <summary>The container's state does not allow the command.</summary>
    WrongState,

    /// <summary>The command did not end in time and was killed.</summary>
    TimedOut,

    /// <summary>runsc itself could not be started.</summary>
    NotRunnable,

    /// <summary>This runsc does not support the command or its flags.</summary>
    Unsupported,
}

/// <summary>A runsc command failed. The message contains runsc's own words.</summary>
internal sealed class RunscException(RunscFailure failure, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What it means for the caller.</summary>
    public RunscFailure Failure { get; } = failure;
}
