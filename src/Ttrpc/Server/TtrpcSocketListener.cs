using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Ttrpc;

/// <summary>
/// Accepts connections on a unix socket and identifies their peers. Disposing it closes the socket but does not unlink
/// its path: that is up to the owner of the path.
/// </summary>
public sealed class TtrpcSocketListener : ITtrpcListener, IDisposable
{
    private const int Backlog = 128;

    // <sys/socket.h>: SOL_SOCKET and SO_PEERCRED, the same on every architecture that .NET runs on under Linux.
    private const int SOL_SOCKET = 1;
    private const int SO_PEERCRED = 17;

    private readonly Socket _socket;

    private TtrpcSocketListener(Socket socket) => _socket = socket;

    /// <summary>Creates a socket at <paramref name="path"/>, which must not exist, and listens on it.</summary>
    /// <param name="path">At most 107 bytes.</param>
    /// <exception cref="SocketException">bind(2) or listen(2) failed, for example because the path exists.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The path is too long.</exception>
    public static TtrpcSocketListener Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new PathEndPoint(path));
            socket.Listen(Backlog);
            return new TtrpcSocketListener(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="SocketException">accept(2) or getsockopt(2) failed.</exception>
    public async ValueTask<TtrpcTransport?> AcceptAsync(CancellationToken cancellationToken)
    {
        Socket peer;
        try
        {
            peer = await _socket.AcceptAsync(cancellationToken);
        }
        catch (Exception e) when (e is ObjectDisposedException
            or SocketException { SocketErrorCode: SocketError.OperationAborted })
        {
            return null;
        }

        try
        {
            (int pid, uint uid) = Credentials(peer);
            return new TtrpcTransport(new NetworkStream(peer, ownsSocket: true)) { PeerUid = uid, PeerPid = pid };
        }
        catch
        {
            peer.Dispose();
            throw;
        }
    }

    /// <summary>Closes the socket; a pending <see cref="AcceptAsync"/> returns null.</summary>
    public void Dispose() => _socket.Dispose();

    // struct ucred { pid_t pid; uid_t uid; gid_t gid; }, see unix(7).
    private static (int Pid, uint Uid) Credentials(Socket peer)
    {
        Span<uint> credentials = stackalloc uint[3];
        peer.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, MemoryMarshal.AsBytes(credentials));
        return ((int)credentials[0], credentials[1]);
    }

    /// <summary>
    /// The address of a path. .NET unlinks the path of a bound <see cref="UnixDomainSocketEndPoint"/> when the socket
    /// is closed; it does not do so for other end points.
    /// </summary>
    private sealed class PathEndPoint(string path) : EndPoint
    {
        private readonly UnixDomainSocketEndPoint _address = new(path);

        public override AddressFamily AddressFamily => AddressFamily.Unix;

        public override SocketAddress Serialize() => _address.Serialize();

        public override EndPoint Create(SocketAddress socketAddress) => this;
    }
}
