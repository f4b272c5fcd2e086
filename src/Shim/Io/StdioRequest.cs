namespace Shim.Io;

/// <summary>The stdio strings of a Create or Exec request, and whose they are.</summary>
/// <param name="Stdin">A FIFO's path, or empty.</param>
/// <param name="Stdout">A path, a URI or empty.</param>
/// <param name="Stderr">A path, a URI or empty.</param>
/// <param name="Terminal">Whether the process has a terminal.</param>
internal sealed record StdioRequest(string Stdin, string Stdout, string Stderr, bool Terminal);

/// <summary>Whose stdio it is.</summary>
/// <param name="ContainerId">The container, as containerd calls it.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="ConsoleDirectory">Where sockets for terminals are made; a short path.</param>
/// <param name="Uid">The owner for FIFOs and pipes; 0 leaves them as they are.</param>
/// <param name="Gid">The group for FIFOs and pipes; 0 leaves them as they are.</param>
internal sealed record StdioOwner(string ContainerId, string Namespace, string ConsoleDirectory, uint Uid, uint Gid);
