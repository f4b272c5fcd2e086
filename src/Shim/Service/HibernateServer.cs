using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Logging;
using Ttrpc;

namespace Shim.Service;

/// <summary>
/// Serves gVisor's task service, if <c>enable_hibernate_server</c> is set, on a socket that clients find by the
/// sandbox's id alone, without containerd: <c>ROOT/ID_sandbox.sock</c>.
/// </summary>
internal sealed class HibernateServer(string shimId, TtrpcServer server, BlockingCalls blocking, ShimLog log)
{
    private bool _isConfigured;
    private ShimSocket? _socket;
    private UnixListener? _listener;

    /// <summary>The socket for the sandbox <paramref name="id"/>.</summary>
    public static string PathOf(string root, string id) => Path.Join(root, $"{id}_sandbox.sock");

    /// <summary>
    /// Starts to listen if the configuration says so. A failure is only logged, since containers do not depend on it.
    /// </summary>
    public async Task ConfigureAsync(ShimConfiguration configuration)
    {
        if (!configuration.EnableHibernateServer || _isConfigured)
            return;
        _isConfigured = true;
        string path = PathOf(configuration.Root, shimId);
        try
        {
            _socket = ShimSocket.FromAddress(path);
            _listener = await blocking.RunAsync("listen on", path, () => _socket!.TryListen(), CloseLate)
                ?? throw new IOException("another process listens on it");
            _ = server.RunAsync(new ShimListener(_listener));
            log.TaskServerListens(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.TaskServerFailed(path, e);
            _isConfigured = false;
        }
    }

    private void CloseLate(UnixListener? late)
    {
        if (late is not null)
            _socket!.Close(late);
    }

    /// <summary>Stops listening and removes the socket.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public async Task CloseAsync()
    {
        if (_listener is not null)
            await _socket!.CloseAsync(_listener, blocking);
    }
}
