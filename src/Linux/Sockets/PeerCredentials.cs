namespace Linux;

/// <summary>The process at the other end of a unix socket, as the kernel recorded it when the connection was made
/// (SO_PEERCRED, unix(7)).</summary>
/// <param name="Pid">The peer's pid, 0 if it is outside of our pid namespace.</param>
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
