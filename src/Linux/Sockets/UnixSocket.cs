namespace Linux;

/// <summary>The connecting side of unix sockets.</summary>
public static class UnixSocket
{
    private static readonly TimeSpan s_backlogRetry = TimeSpan.FromMilliseconds(10);

    /// <summary>Connects, waiting while the listener's queue is full. On the loop that runs here.</summary>
    /// <param name="path">The socket file; any length.</param>
    /// <param name="cancellationToken">Bounds the wait.</param>
    /// <exception cref="LinuxException">ENOENT: no such file. ECONNREFUSED: nobody listens there.</exception>
    public static async Task<UnixConnection> ConnectAsync(string path, CancellationToken cancellationToken = default)
    {
        EventLoop loop = EventLoop.Current;
        Descriptor socket = UnixAddress.NewSocket();
        try
        {
            // A unix connect ends at once; a full queue says EAGAIN, and no event tells when it has room again.
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

    /// <summary>Whether somebody listens on a socket file, found out by connecting to it. Never blocks.</summary>
    /// <exception cref="LinuxException">It cannot be told, for example EACCES.</exception>
    public static bool IsListening(string path)
    {
        using Descriptor socket = UnixAddress.NewSocket();
        Errno errno;
        try
        {
            errno = Connect(socket, path);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR) // the directory of a long path
        {
            return false;
        }
        return errno switch
        {
            Errno.None or Errno.EAGAIN => true, // EAGAIN: its queue is full, so it has one
            Errno.ENOENT or Errno.ENOTDIR or Errno.ECONNREFUSED => false,
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
