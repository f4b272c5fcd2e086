using System.Text;
using Linux;

namespace Shim.Bundles;

/// <summary>The socket on which the shim of a container, or of a pod's containers, serves.</summary>
/// <remarks>
/// Whoever makes or removes such a socket holds a lock on its directory meanwhile, and for these few milliseconds
/// only. So of two <c>start</c>s of one pod exactly one binds, a socket that is bound but not yet listening is never
/// taken for a stale one, and a stale one is never removed after somebody else replaced it.
/// </remarks>
internal sealed class ShimSocket
{
    /// <summary>Where sockets lie unless containerd says otherwise.</summary>
    public const string DefaultDirectory = "/run/containerd/s";

    private const string Scheme = "unix://";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_lockBound = TimeSpan.FromSeconds(5);

    // Within the 5 s that containerd gives `delete`, and on the thread of a serving shim.
    private static readonly TimeSpan s_shortLockBound = TimeSpan.FromMilliseconds(500);

    private readonly string _directory;

    private ShimSocket(string path) => (Path, _directory) = (path, System.IO.Path.GetDirectoryName(path)!);

    /// <summary>The path.</summary>
    public string Path { get; }

    /// <summary>The path as containerd wants it: with <c>unix://</c>.</summary>
    public string Address => Scheme + Path;

    /// <summary>The socket of a group of containers.</summary>
    /// <param name="directory">The directory of all sockets.</param>
    /// <param name="containerdAddress">containerd's grpc socket: two daemons do not share shims.</param>
    /// <param name="namespace">The namespace.</param>
    /// <param name="group">The sandbox's id; the container's, where it is its own sandbox.</param>
    public static ShimSocket Of(string directory, string containerdAddress, string @namespace, string group)
    {
        // As Go's filepath.Join: nothing comes before the namespace where there is no address, as under CRI-O.
        string address = Cleaned(containerdAddress);
        string joined = address.Length == 0 ? $"{@namespace}/{group}" : $"{address}/{@namespace}/{group}";
        return new ShimSocket(System.IO.Path.Combine(directory, Sha256.HexOf(Encoding.UTF8.GetBytes(joined))));
    }

    /// <summary>The socket that an address names; null where it is no unix socket's.</summary>
    public static ShimSocket? FromAddress(string address)
    {
        string path = address.Trim();
        if (path.StartsWith(Scheme, StringComparison.Ordinal))
            path = path[Scheme.Length..];
        return path.StartsWith('/') && path.Length > 1 ? new ShimSocket(path) : null;
    }

    /// <summary>Binds and listens, unless a living shim does already.</summary>
    /// <returns>The listening socket, or null where a shim serves there.</returns>
    /// <exception cref="LinuxException">It cannot be bound.</exception>
    /// <exception cref="IOException">The directory cannot be made or locked.</exception>
    public UnixListener? TryListen()
    {
        if (!Directory.Exists(_directory))
            Directory.CreateDirectory(_directory, OwnerOnly);
        using Descriptor held = Lock();
        if (UnixSocket.IsListening(Path))
            return null;
        File.Delete(Path);
        return UnixListener.Bind(Path);
    }

    /// <summary>Removes the socket file, where no shim serves on it any more.</summary>
    /// <exception cref="IOException">The directory cannot be locked, or the file not be removed.</exception>
    public void RemoveIfStale()
    {
        if (!File.Exists(Path))
            return;
        using Descriptor held = FileLock.Acquire(_directory, s_shortLockBound);
        if (!UnixSocket.IsListening(Path))
            File.Delete(Path);
    }

    /// <summary>Stops listening and removes the socket file, in one step for whoever holds the lock.</summary>
    /// <exception cref="IOException">The directory cannot be locked, or the file not be removed.</exception>
    public void Close(UnixListener listener)
    {
        using Descriptor held = FileLock.Acquire(_directory, s_shortLockBound);
        listener.Dispose();
        // Another shim may have bound the path since, if this socket's file was removed by hand.
        if (!UnixSocket.IsListening(Path))
            File.Delete(Path);
    }

    private Descriptor Lock() => FileLock.Acquire(_directory, s_lockBound);

    /// <summary>As Go's filepath.Join does it for the paths that occur: no empty parts, no slash at the end.</summary>
    private static string Cleaned(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return (path.StartsWith('/') ? "/" : "") + string.Join('/', parts);
    }
}
