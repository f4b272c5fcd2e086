namespace Shim.Runsc;

/// <summary>What <c>runsc fscheckpoint</c> is asked for: an image of file systems, without memory and processes.</summary>
internal sealed record FileSystemCheckpointSettings
{
    /// <summary>The sandbox goes on afterwards; otherwise it ends.</summary>
    public bool LeaveRunning { get; init; }

    /// <summary>The image is written past the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary>What is saved: <c>[CONTAINER:]DIRECTORY</c> or <c>all-tmpfs</c>; empty: the root file system.</summary>
    public string Path { get; init; } = "";
}
