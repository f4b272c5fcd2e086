namespace Shim.Io;

/// <summary>The container that standard streams belong to.</summary>
/// <param name="ContainerId">containerd's id of the container.</param>
/// <param name="Namespace">Its namespace.</param>
/// <param name="ConsoleDirectory">Where sockets for terminals are created; a short path.</param>
/// <param name="Uid">The owner for FIFOs and pipes; 0 leaves them unchanged.</param>
/// <param name="Gid">The group for FIFOs and pipes; 0 leaves them unchanged.</param>
internal sealed record StdioOwner(string ContainerId, string Namespace, string ConsoleDirectory, uint Uid, uint Gid);
