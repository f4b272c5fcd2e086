namespace Shim.Runsc;

/// <summary>What <c>runsc checkpoint</c> is asked for. Empty strings and false leave a flag out.</summary>
internal sealed record CheckpointSettings
{
    /// <summary>The sandbox goes on afterwards; otherwise it ends.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary><c>none</c> or <c>flate-best-speed</c>.</summary>
    public string Compression { get; init; } = "";

    /// <summary>The pages are written past the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary>Pages of zeros are left out.</summary>
    public bool ExcludeCommittedZeroPages { get; init; }

    /// <summary>A program in the container that is run before saving and after restoring; needs a newer runsc.</summary>
    public string SaveRestoreExecArgv { get; init; } = "";

    /// <summary>How long that may take, as Go writes durations; needs a newer runsc.</summary>
    public string SaveRestoreExecTimeout { get; init; } = "";

    /// <summary>The cuda-checkpoint program in the container; needs a newer runsc.</summary>
    public string CudaCheckpointPath { get; init; } = "";

    /// <summary>cuda-checkpoint takes one process at a time; needs a newer runsc.</summary>
    public bool CudaCheckpointSequential { get; init; }

    /// <summary>A directory for the checkpoint's own files; runsc has none and takes the flag for other runtimes' sake.</summary>
    public string WorkPath { get; init; } = "";

    /// <summary>Whether runsc runs a program in the sandbox first, which needs it not to stand still.</summary>
    public bool RunsInSandbox => SaveRestoreExecArgv.Length > 0 || CudaCheckpointPath.Length > 0;
}
