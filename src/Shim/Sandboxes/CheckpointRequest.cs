using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>A request for an image.</summary>
/// <param name="Path">Its directory.</param>
/// <param name="Settings">How it is written, and whether the sandbox goes on.</param>
internal sealed record CheckpointRequest(string Path, CheckpointSettings Settings)
{
    /// <summary>Saves file systems alone; null: the whole sandbox.</summary>
    public FileSystemCheckpointSettings? FileSystems { get; init; }

    /// <summary>Where the command writes a debug log; null: nowhere.</summary>
    public DebugSettings? Debug { get; init; }
}
