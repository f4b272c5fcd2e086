namespace Linux;

/// <summary>One connection of a unix socket. Disposing it closes the stream.</summary>
public sealed class UnixConnection : IDisposable
{
    /// <summary>Takes over a connected socket.</summary>
    /// <param name="loop">The loop whose thread uses it.</param>
    /// <param name="socket">Closed if this fails, and with the connection.</param>
    /// <exception cref="LinuxException">Not a connected unix socket.</exception>
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

    /// <summary>The stream of bytes.</summary>
    public DescriptorStream Stream { get; }

    /// <summary>The process at the other end.</summary>
    public PeerCredentials Peer { get; }

    /// <inheritdoc/>
    public void Dispose() => Stream.Dispose();
}
