using System.Text;

namespace Linux;

/// <summary>
/// The socket over which an OCI runtime hands over the master of the terminal that it created
/// (<c>--console-socket</c>): a unix socket that accepts one connection with one descriptor. It is in a directory of
/// mode 0700, so other users cannot connect.
/// </summary>
public sealed class ConsoleSocket : IDisposable
{
    private const int MaxPathBytes = 107; // the runtime connects by the plain path
    private readonly string _directory;
    private readonly UnixListener _listener;

    private ConsoleSocket(string directory, UnixListener listener)
    {
        _directory = directory;
        _listener = listener;
    }

    /// <summary>The path for the runtime's command line.</summary>
    public string Path => SocketIn(_directory);

    /// <summary>Creates the directory and listens.</summary>
    /// <param name="parent">A short path, such as /run or /tmp: the runtime can connect to a path of at most 107
    /// bytes.</param>
    /// <exception cref="LinuxException">The directory cannot be created, or the path is too long.</exception>
    public static ConsoleSocket Create(string parent)
    {
        string directory = PrivateDirectory.Create(parent, "pty-");
        try
        {
            string path = SocketIn(directory);
            if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes)
                throw new LinuxException(Errno.ENAMETOOLONG, "console socket", path);
            return new ConsoleSocket(directory, UnixListener.Bind(path));
        }
        catch
        {
            DirectoryTree.Delete(directory);
            throw;
        }
    }

    /// <summary>Waits for the runtime to connect and to send the master.</summary>
    /// <param name="bound">How long.</param>
    /// <exception cref="LinuxException">ETIMEDOUT: no terminal arrived. EPROTO: the descriptor is not a pty
    /// master.</exception>
    public async Task<Descriptor> ReceiveMasterAsync(TimeSpan bound)
    {
        using CancellationTokenSource timeout = new(bound, EventLoop.Current.Time);
        try
        {
            using UnixConnection connection = await _listener.AcceptAsync(timeout.Token);
            Descriptor master = await DescriptorMessage.ReceiveAsync(connection, timeout.Token);
            if (Pty.IsMaster(master))
                return master;
            master.Dispose();
            throw new LinuxException(Errno.EPROTO, "console socket", Path, "the descriptor is not a pty master");
        }
        catch (OperationCanceledException)
        {
            throw new LinuxException(Errno.ETIMEDOUT, "console socket", Path,
                $"no terminal arrived within {bound.TotalSeconds} s");
        }
    }

    /// <summary>Stops listening, and removes the socket and its directory.</summary>
    public void Dispose()
    {
        _listener.Dispose();
        DirectoryTree.Delete(_directory);
    }

    private static string SocketIn(string directory) => $"{directory}/s";
}
