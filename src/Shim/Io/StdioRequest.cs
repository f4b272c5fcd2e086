namespace Shim.Io;

/// <summary>The stdio strings of a Create or Exec request.</summary>
/// <param name="Stdin">A FIFO's path, or empty.</param>
/// <param name="Stdout">A path, a URI or empty.</param>
/// <param name="Stderr">A path, a URI or empty.</param>
/// <param name="Terminal">Whether the process has a terminal.</param>
internal sealed record StdioRequest(string Stdin, string Stdout, string Stderr, bool Terminal);
