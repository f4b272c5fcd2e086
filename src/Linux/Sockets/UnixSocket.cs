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
            Errno.None or Errno.EAGAIN => true, // EAGAIN: there is a queue, and it is full
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
