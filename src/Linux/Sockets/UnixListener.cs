using System.Runtime.InteropServices;

namespace Linux;

/// <summary>A listening unix socket. It never removes the socket file: that is up to the owner of the
/// directory.</summary>
public sealed class UnixListener : IDisposable
{
    private const int Backlog = 128;
    private const uint OwnerReadWrite = 0x180; // 0600
    private readonly Descriptor _socket;
    private Readiness? _readiness;
    private Acceptor? _acceptor;

    private UnixListener(Descriptor socket) => _socket = socket;

    /// <summary>The listening socket, owned by the listener.</summary>
    public Descriptor Descriptor => _socket;

    /// <summary>The path that the socket is bound to, as the kernel has it: relative if it was bound to a relative
    /// path, and through /proc/self/fd if it is longer than 107 bytes.</summary>
    /// <exception cref="LinuxException">The path cannot be read.</exception>
    public unsafe string BoundPath
    {
        get
        {
            Libc.sockaddr_un address = default;
            uint length = (uint)sizeof(Libc.sockaddr_un);
            LinuxException.ThrowIfFailed(
                Libc.getsockname(_socket, &address, &length), "getsockname", _socket.ToString());
            return Marshal.PtrToStringUTF8((nint)address.sun_path) ?? "";
        }
    }

    /// <summary>Binds and listens. The directory must exist; the path may have any length.</summary>
    /// <param name="path">The socket file, which must not exist; it gets mode 0600, less the umask.</param>
    /// <param name="created">Called with the socket before it is bound, for instance to pass it to a child.</param>
    /// <exception cref="LinuxException">EADDRINUSE: the file exists, whether or not a process listens on
    /// it.</exception>
    public static unsafe UnixListener Bind(string path, Action<Descriptor>? created = null)
    {
        Descriptor socket = UnixAddress.NewSocket();
        try
        {
            // bind(2) gives the file the mode of the socket's own inode (unix_bind_bsd in the kernel). Setting that
            // first never leaves the file open to others, and does not change the process-wide umask.
            LinuxException.ThrowIfFailed(Libc.fchmod(socket, OwnerReadWrite), "fchmod", path);
            created?.Invoke(socket);
            Libc.sockaddr_un address;
            using (UnixAddress.Fill(path, &address))
                LinuxException.ThrowIfFailed(Libc.bind(socket, &address, (uint)sizeof(Libc.sockaddr_un)), "bind", path);
            LinuxException.ThrowIfFailed(Libc.listen(socket, Backlog), "listen", path);
            return new UnixListener(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether a socket listens.</summary>
    /// <exception cref="LinuxException">Not a socket (ENOTSOCK).</exception>
    public static unsafe bool IsListening(Descriptor socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        int listening = 0;
        uint length = sizeof(int);
        LinuxException.ThrowIfFailed(
            Libc.getsockopt(socket, Libc.SOL_SOCKET, Libc.SO_ACCEPTCONN, &listening, &length),
            "getsockopt SO_ACCEPTCONN", socket.ToString());
        return listening != 0;
    }

    /// <summary>
    /// Takes over a listening socket, such as one inherited from the parent: from now on this process is the server
    /// that <see cref="UnixSocket.IsServed"/> looks for.
    /// </summary>
    /// <param name="socket">Closed with the listener; stays the caller's if this fails.</param>
    /// <exception cref="LinuxException">Not a listening socket (EINVAL) or not a socket (ENOTSOCK).</exception>
    public static UnixListener FromDescriptor(Descriptor socket)
    {
        if (!IsListening(socket))
            throw new LinuxException(Errno.EINVAL, "accept", socket.ToString(), "the socket does not listen");
        // It listens already; the kernel takes this process's credentials for those that connect.
        LinuxException.ThrowIfFailed(Libc.listen(socket, Backlog), "listen", socket.ToString());
        socket.SetNonBlocking();
        return new UnixListener(socket);
    }

    /// <summary>Waits for the next connection, on the loop of this thread. One call at a time.</summary>
    /// <exception cref="LinuxException">EMFILE or ENFILE: no descriptors are left; the peer stays queued.</exception>
    /// <exception cref="ObjectDisposedException">The listener was closed, perhaps during the wait.</exception>
    public async ValueTask<UnixConnection> AcceptAsync(CancellationToken cancellationToken = default)
    {
        _readiness ??= new Readiness(EventLoop.Current, _socket);
        _acceptor ??= new Acceptor(_readiness);
        Descriptor accepted = new(await _acceptor.AcceptAsync(cancellationToken));
        return new UnixConnection(_readiness.Loop, accepted);
    }

    /// <summary>Stops listening. The file stays.</summary>
    public void Dispose()
    {
        _readiness?.Dispose();
        _socket.Dispose();
    }

    private sealed class Acceptor(Readiness readiness) : ReadyWait(readiness, isWrite: false)
    {
        internal ValueTask<int> AcceptAsync(CancellationToken token)
        {
            VerifyIdle();
            return Start(out int fd, token) ? new(fd) : new(this, Version);
        }

        protected override unsafe bool TryComplete(out int result)
        {
            while (true)
            {
                result = Libc.accept4(Descriptor, null, null, Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK);
                if (result >= 0)
                    return true;
                switch (LinuxException.LastErrno)
                {
                    case Errno.EAGAIN:
                        return false;
                    case Errno.EINTR or Errno.ECONNABORTED: // the peer gave up in the queue: take the next
                        continue;
                    default:
                        LinuxException.ThrowLast("accept", Descriptor.ToString());
                        return false;
                }
            }
        }
    }
}
