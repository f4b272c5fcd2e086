namespace Ttrpc;

/// <summary>
/// An accepted connection. The server that serves it owns the stream. Disposing the stream must end pending reads
/// and writes, with an exception or zero bytes.
/// </summary>
/// <param name="stream">The duplex stream.</param>
public sealed class TtrpcTransport(Stream stream)
{
    /// <summary>The duplex stream; one read and one write at a time.</summary>
    public Stream Stream { get; } = stream;

    /// <summary>The peer's user id (SO_PEERCRED, see unix(7)); null if the transport does not provide it.</summary>
    public uint? PeerUid { get; init; }

    /// <summary>The peer's process id; null if the transport does not provide it.</summary>
    public int? PeerPid { get; init; }

    /// <summary>The peer in gRPC's notation, for <see cref="Grpc.Core.ServerCallContext.Peer"/> and logs.</summary>
    public string Peer => PeerUid is null ? "unknown" : $"unix:pid={PeerPid},uid={PeerUid}";
}
