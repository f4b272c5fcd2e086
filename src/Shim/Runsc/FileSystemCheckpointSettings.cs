namespace Shim.Runsc;

/// <summary>
/// Options of <c>runsc fscheckpoint</c>, which writes an image of file systems without memory and processes.
/// </summary>
internal sealed record FileSystemCheckpointSettings
{
    /// <summary>The sandbox continues afterwards; otherwise it ends.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary>The image bypasses the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary>What is saved: <c>[CONTAINER:]DIRECTORY</c> or <c>all-tmpfs</c>; empty: the root file system.</summary>
    public string Path { get; init; } = "";
}
