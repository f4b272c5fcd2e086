namespace Shim.Runsc;

/// <summary>What a failed runsc command means for its caller.</summary>
internal enum RunscFailure
{
    /// <summary>It did not do what was asked; the message says why.</summary>
    Failed,

    /// <summary>There is no such container or process any more.</summary>
    NotFound,

    /// <summary>The container is not in a state in which this can be done.</summary>
    WrongState,

    /// <summary>It did not end in time and was killed.</summary>
    TimedOut,

    /// <summary>runsc itself could not be started.</summary>
    NotRunnable,

    /// <summary>This runsc cannot do what was asked.</summary>
    Unsupported,
}

/// <summary>A runsc command failed. The message holds runsc's own words.</summary>
internal sealed class RunscException(RunscFailure failure, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What it means for the caller.</summary>
    public RunscFailure Failure { get; } = failure;
}
