using Linux;

namespace Shim.Commands;

/// <summary>The process that serves, as its command line shows it: <c>start</c> writes that.</summary>
internal static class ShimDaemon
{
    /// <summary>The first arguments of the shim that serves a group of containers.</summary>
    /// <param name="namespace">The namespace.</param>
    /// <param name="id">The sandbox's id, or the id of a container that is its own sandbox.</param>
    /// <param name="address">containerd's grpc socket.</param>
    public static List<string> Arguments(string @namespace, string id, string address) =>
        ["-namespace", @namespace, "-id", id, "-address", address];

    /// <summary>
    /// Whether a process is such a shim, or is one's child that has not yet begun its own program: until then it has
    /// the shim's command line. Such a child outlives a shim that is killed, and becomes a runsc.
    /// </summary>
    /// <inheritdoc cref="Arguments"/>
    /// <param name="pid">The process.</param>
    /// <param name="namespace">The namespace.</param>
    /// <param name="id">The sandbox's id, or the id of a container that is its own sandbox.</param>
    /// <param name="address">containerd's grpc socket.</param>
    /// <exception cref="LinuxException">/proc cannot be read.</exception>
    public static bool Is(int pid, string @namespace, string id, string address) =>
        $"{ProcFs.CommandLine(pid)}\0".Contains(
            $"\0{string.Join('\0', Arguments(@namespace, id, address))}\0", StringComparison.Ordinal);
}
