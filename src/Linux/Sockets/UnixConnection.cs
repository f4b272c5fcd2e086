namespace Linux;

/// <summary>Who is at the other end of a unix socket, as the kernel recorded it when the connection was made
/// (SO_PEERCRED, unix(7)).</summary>
/// <param name="Pid">The peer's process, 0 if it is outside of our pid namespace.</param>
/// <param name="Uid">Its effective user.</param>
public readonly record struct PeerCredentials(int Pid, uint Uid)
{
    internal static unsafe PeerCredentials Of(Descriptor socket)
    {
        Libc.ucred peer;
        uint length = (uint)sizeof(Libc.ucred);
        LinuxException.ThrowIfFailed(Libc.getsockopt(socket, Libc.SOL_SOCKET, Libc.SO_PEERCRED, &peer, &length),
            "getsockopt SO_PEERCRED", socket.ToString());
        return new PeerCredentials(peer.pid, peer.uid);
    }
}

/// <summary>One connection of a unix socket. Disposing it closes the stream.</summary>
public sealed class UnixConnection : IDisposable
{
    /// <summary>Takes over a connected socket.</summary>
    /// <param name="loop">The loop whose thread uses it.</param>
    /// <param name="socket">Closed if this fails, and with the connection.</param>
    /// <exception cref="LinuxException">It is not a connected unix socket.</exception>
    internal UnixConnection(EventLoop loop, Descriptor socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        try
        {
            Peer = PeerCredentials.Of(socket);
            Stream = new DescriptorStream(loop, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The bytes.</summary>
    public DescriptorStream Stream { get; }

    /// <summary>Who connected, or who listened.</summary>
    public PeerCredentials Peer { get; }

    /// <inheritdoc/>
    public void Dispose() => Stream.Dispose();
}
