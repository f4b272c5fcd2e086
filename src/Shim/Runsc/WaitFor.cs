namespace Shim.Runsc;

/// <summary>What <c>runsc wait</c> waits for.</summary>
internal enum WaitFor
{
    /// <summary>The end of a process.</summary>
    Exit,

    /// <summary>The next checkpoint; needs a newer runsc.</summary>
    Checkpoint,

    /// <summary>The end of a restore; needs a newer runsc.</summary>
    Restore,

    /// <summary>The next checkpoint of file systems; needs a newer runsc.</summary>
    FileSystemCheckpoint,

    /// <summary>The end of a restore of file systems; needs a newer runsc.</summary>
    FileSystemRestore,
}
