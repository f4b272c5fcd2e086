namespace Shim.Runsc;

/// <summary>Where a runsc command writes its debug log.</summary>
/// <param name="Log">A file, or a directory that ends in a slash; empty: nowhere.</param>
/// <param name="LogDescriptor">A descriptor of the command; 0: none.</param>
internal readonly record struct DebugSettings(string Log, int LogDescriptor);
