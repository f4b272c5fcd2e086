namespace Ttrpc;

/// <summary>
/// An accepted connection. The server that it is given to owns the stream. Disposing of the stream must end reads
/// and writes that are under way, with an exception or zero bytes.
/// </summary>
/// <param name="stream">The duplex stream.</param>
public sealed class TtrpcTransport(Stream stream)
{
    /// <summary>The duplex stream; one read and one write at a time.</summary>
    public Stream Stream { get; } = stream;

    /// <summary>The user that the peer runs as (SO_PEERCRED, see unix(7)); null if the transport has no users.</summary>
    public uint? PeerUid { get; init; }

    /// <summary>The process that connected; null if the transport has none.</summary>
    public int? PeerPid { get; init; }

    /// <summary>The peer in gRPC's manner, for <see cref="Grpc.Core.ServerCallContext.Peer"/> and log lines.</summary>
    public string Peer => PeerUid is null ? "unknown" : $"unix:pid={PeerPid},uid={PeerUid}";
}

/// <summary>Where a server gets its connections from.</summary>
public interface ITtrpcListener
{
    /// <summary>
    /// Waits for the next connection. Null means that the listener is closed and the server's loop ends; an
    /// exception means that this once failed (too many open files, say) and the server tries again a little later.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<TtrpcTransport?> AcceptAsync(CancellationToken cancellationToken);
}
