using System.Text;
using Linux;

namespace Shim.Bundles;

/// <summary>The socket on which the shim of a container or pod serves.</summary>
/// <remarks>
/// Such a socket is created and removed under a lock on its directory, which is held for a few milliseconds. So of two
/// <c>start</c>s of one pod exactly one binds, a socket that is bound but not yet listening is never taken for a stale
/// one, and a stale one is never removed after another shim has replaced it.
/// </remarks>
internal sealed class ShimSocket
{
    /// <summary>The directory of sockets if containerd does not give another.</summary>
    public const string DefaultDirectory = "/run/containerd/s";

    private const string Scheme = "unix://";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan s_lockBound = TimeSpan.FromSeconds(5);

    // containerd gives `delete` 5 s, and a shim that ends should not take longer.
    private static readonly TimeSpan s_shortLockBound = TimeSpan.FromMilliseconds(500);

    private readonly string _directory;

    private ShimSocket(string path) => (Path, _directory) = (path, System.IO.Path.GetDirectoryName(path)!);

    /// <summary>The path.</summary>
    public string Path { get; }

    /// <summary>The address in containerd's form, with <c>unix://</c>.</summary>
    public string Address => Scheme + Path;

    /// <summary>The socket of a group of containers.</summary>
    /// <param name="directory">The directory of all sockets.</param>
    /// <param name="containerdAddress">containerd's grpc socket, because two daemons do not share shims.</param>
    /// <param name="namespace">The namespace.</param>
    /// <param name="group">The sandbox's id, or the id of a container that is its own sandbox.</param>
    public static ShimSocket Of(string directory, string containerdAddress, string @namespace, string group)
    {
        // As Go's filepath.Join does it: without an address, as under CRI-O, the path begins with the namespace.
        string address = Cleaned(containerdAddress);
        string joined = address.Length == 0 ? $"{@namespace}/{group}" : $"{address}/{@namespace}/{group}";
        return new ShimSocket(System.IO.Path.Combine(directory, Sha256.HexOf(Encoding.UTF8.GetBytes(joined))));
    }

    /// <summary>The socket at an address; null if it is not the address of a unix socket.</summary>
    public static ShimSocket? FromAddress(string address)
    {
        string path = address.Trim();
        if (path.StartsWith(Scheme, StringComparison.Ordinal))
            path = path[Scheme.Length..];
        return path.StartsWith('/') && path.Length > 1 ? new ShimSocket(path) : null;
    }

    /// <summary>Binds and listens, unless another shim listens there.</summary>
    /// <param name="created">Called with the socket before it is bound.</param>
    /// <returns>The listening socket; null if another shim listens there.</returns>
    /// <exception cref="LinuxException">The socket cannot be bound.</exception>
    /// <exception cref="IOException">The directory cannot be created or locked.</exception>
    public UnixListener? TryListen(Action<Descriptor>? created = null)
    {
        if (!Directory.Exists(_directory))
            Directory.CreateDirectory(_directory, OwnerOnly);
        using Descriptor held = Lock();
        if (UnixSocket.IsListening(Path))
            return null;
        File.Delete(Path);
        return UnixListener.Bind(Path, created);
    }

    /// <summary>Removes the socket file if no shim serves on it.</summary>
    /// <exception cref="IOException">The directory cannot be locked, or the file cannot be removed.</exception>
    public void RemoveIfStale()
    {
        if (!File.Exists(Path))
            return;
        using Descriptor held = FileLock.Acquire(_directory, s_shortLockBound);
        if (!UnixSocket.IsServed(Path))
            File.Delete(Path);
    }

    /// <summary>Stops listening and removes the socket file, both under the lock.</summary>
    /// <exception cref="IOException">The directory cannot be locked, or the file cannot be removed.</exception>
    public void Close(UnixListener listener)
    {
        using Descriptor held = FileLock.Acquire(_directory, s_shortLockBound);
        CloseLocked(listener);
    }

    /// <inheritdoc cref="Close"/>
    /// <param name="listener">The socket.</param>
    /// <param name="blocking">Waits for the lock.</param>
    public async Task CloseAsync(UnixListener listener, BlockingCalls blocking)
    {
        using Descriptor held = await blocking.RunAsync(
            "lock", _directory, () => FileLock.Acquire(_directory, s_shortLockBound));
        CloseLocked(listener);
    }

    private void CloseLocked(UnixListener listener)
    {
        listener.Dispose();
        // If the socket's file was removed by hand, another shim may have bound the path.
        if (!UnixSocket.IsListening(Path))
            File.Delete(Path);
    }

    private Descriptor Lock() => FileLock.Acquire(_directory, s_lockBound);

    /// <summary>Cleans a path as Go's filepath.Join does: no empty parts and no slash at the end.</summary>
    private static string Cleaned(string path)
    {
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return (path.StartsWith('/') ? "/" : "") + string.Join('/', parts);
    }
}
