namespace Shim.Runsc;

/// <summary>Options of <c>runsc checkpoint</c>. An empty string or false leaves the flag out.</summary>
internal sealed record CheckpointSettings
{
    /// <summary>The sandbox continues afterwards; otherwise it ends.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary><c>none</c> or <c>flate-best-speed</c>.</summary>
    public string Compression { get; init; } = "";

    /// <summary>The pages bypass the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary>Pages of zeros are left out.</summary>
    public bool ExcludeCommittedZeroPages { get; init; }

    /// <summary>
    /// A program in the container that runs before the save and after the restore; needs a newer runsc.
    /// </summary>
    public string SaveRestoreExecArgv { get; init; } = "";

    /// <summary>How long that program may take, as a Go duration; needs a newer runsc.</summary>
    public string SaveRestoreExecTimeout { get; init; } = "";

    /// <summary>The cuda-checkpoint program in the container; needs a newer runsc.</summary>
    public string CudaCheckpointPath { get; init; } = "";

    /// <summary>cuda-checkpoint handles one process at a time; needs a newer runsc.</summary>
    public bool CudaCheckpointSequential { get; init; }

    /// <summary>A directory for temporary files. runsc accepts it for compatibility, but writes none.</summary>
    public string WorkPath { get; init; } = "";

    /// <summary>Whether runsc first runs a program in the sandbox, which must not be paused then.</summary>
    public bool RunsInSandbox => SaveRestoreExecArgv.Length > 0 || CudaCheckpointPath.Length > 0;
}
