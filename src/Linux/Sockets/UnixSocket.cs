namespace Linux;

/// <summary>Connects to unix sockets.</summary>
public static class UnixSocket
{
    private static readonly TimeSpan s_backlogRetry = TimeSpan.FromMilliseconds(10);

    /// <summary>Connects, on the loop of this thread. Waits while the listener's queue is full.</summary>
    /// <param name="path">The socket file; its path may have any length.</param>
    /// <param name="cancellationToken">Bounds the wait.</param>
    /// <exception cref="LinuxException">ENOENT: no such file. ECONNREFUSED: no process listens on it.</exception>
    public static async Task<UnixConnection> ConnectAsync(string path, CancellationToken cancellationToken = default)
    {
        EventLoop loop = EventLoop.Current;
        Descriptor socket = UnixAddress.NewSocket();
        try
        {
            // connect(2) on a unix socket returns at once, with EAGAIN if the queue is full; no event reports room in
            // it.
            Errno errno;
            while ((errno = Connect(socket, path)) == Errno.EAGAIN)
                await Task.Delay(s_backlogRetry, loop.Time, cancellationToken);
            if (errno != Errno.None)
                throw new LinuxException(errno, "connect", path);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        return new UnixConnection(loop, socket);
    }

    /// <summary>Whether a process listens on a socket file, tested by connecting to it. Never blocks.</summary>
    /// <exception cref="LinuxException">The connection failed for another reason, such as EACCES.</exception>
    public static bool IsListening(string path)
    {
        using Descriptor socket = UnixAddress.NewSocket();
        return TryConnect(socket, path) != Errno.ECONNREFUSED;
    }

    /// <summary>
    /// Whether a server listens on a socket file and is alive, tested by connecting to it. Never blocks.
    /// </summary>
    /// <remarks>
    /// A child that a server was just starting when it was killed holds the socket open until it begins its own
    /// program, so that the socket listens, but nobody serves. The server is the process that called listen(2) last:
    /// SO_PEERCRED of a connection names it (unix(7)). One that is ending closes its connections before the socket, but
    /// has no memory any more, and so no command line (do_exit in the kernel).
    /// </remarks>
    /// <exception cref="LinuxException">The connection failed for another reason, such as EACCES.</exception>
    public static bool IsServed(string path)
    {
        using Descriptor socket = UnixAddress.NewSocket();
        // A full queue has no connection to ask, and room in it is a matter of the server's next turn.
        return TryConnect(socket, path) switch
        {
            Errno.None => IsServer(PeerCredentials.Of(socket).Pid),
            Errno.EAGAIN => true,
            _ => false,
        };
    }

    /// <summary>Whether a process is alive. Pid 0, a process of another pid namespace, is assumed to be.</summary>
    private static bool IsServer(int pid) => pid == 0 || ProcFs.CommandLine(pid).Length > 0;

    /// <returns>None, EAGAIN if the queue is full, or ECONNREFUSED if no process listens.</returns>
    private static Errno TryConnect(Descriptor socket, string path)
    {
        Errno errno;
        try
        {
            errno = Connect(socket, path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR) // the directory of a long path
        {
            return Errno.ECONNREFUSED;
        }
        return errno switch
        {
            Errno.None or Errno.EAGAIN => errno,
            Errno.ENOENT or Errno.ENOTDIR or Errno.ECONNREFUSED => Errno.ECONNREFUSED,
            _ => throw new LinuxException(errno, "connect", path),
        };
    }

    private static unsafe Errno Connect(Descriptor socket, string path)
    {
        Libc.sockaddr_un address;
        using (UnixAddress.Fill(path, &address))
        {
            while (true)
            {
                if (Libc.connect(socket, &address, (uint)sizeof(Libc.sockaddr_un)) == 0)
                    return Errno.None;
                if (LinuxException.LastErrno != Errno.EINTR)
                    return LinuxException.LastErrno;
            }
        }
    }
}
