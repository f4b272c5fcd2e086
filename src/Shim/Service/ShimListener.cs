using Linux;
using Ttrpc;

namespace Shim.Service;

/// <summary>Passes the connections of a unix socket on the event loop to the ttrpc server.</summary>
internal sealed class ShimListener(UnixListener listener) : ITtrpcListener
{
    /// <inheritdoc/>
    public async ValueTask<TtrpcTransport?> AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            UnixConnection connection = await listener.AcceptAsync(cancellationToken);
            return new TtrpcTransport(connection.Stream)
            {
                PeerUid = connection.Peer.Uid,
                PeerPid = connection.Peer.Pid,
            };
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }
}
