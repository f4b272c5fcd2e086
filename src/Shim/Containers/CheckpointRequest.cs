using Shim.Runsc;

namespace Shim.Containers;

/// <summary>An image that is asked for.</summary>
/// <param name="Path">The directory for it.</param>
/// <param name="Settings">How it is written, and whether the sandbox goes on.</param>
public sealed record CheckpointRequest(string Path, CheckpointSettings Settings)
{
    /// <summary>What to save of the file systems alone; null: all of the sandbox is saved.</summary>
    public FileSystemCheckpointSettings? FileSystems { get; init; }

    /// <summary>Where the command writes a debug log; null: it writes none.</summary>
    public DebugSettings? Debug { get; init; }
}
