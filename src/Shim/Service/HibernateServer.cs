using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Logging;
using Ttrpc;

namespace Shim.Service;

/// <summary>
/// gVisor's task service at a place that can be found by the sandbox's id alone, <c>ROOT/ID_sandbox.sock</c>, for
/// clients that do not speak to containerd; where <c>enable_hibernate_server</c> wants it.
/// </summary>
internal sealed class HibernateServer(string shimId, TtrpcServer server, ShimLog log)
{
    private ShimSocket? _socket;
    private UnixListener? _listener;

    /// <summary>Where it listens for the sandbox <paramref name="id"/>.</summary>
    public static string PathOf(string root, string id) => Path.Join(root, $"{id}_sandbox.sock");

    /// <summary>Listens, if the configuration says so and it does not yet. That it cannot is no reason to fail a container.</summary>
    public void Configure(ShimConfiguration configuration)
    {
        if (!configuration.EnableHibernateServer || _listener is not null)
            return;
        string path = PathOf(configuration.Root, shimId);
        try
        {
            _socket = ShimSocket.FromAddress(path);
            _listener = _socket!.TryListen() ?? throw new IOException("another process listens there");
            _ = server.RunAsync(new ShimListener(_listener));
            log.TaskServerListens(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.TaskServerFailed(path, e);
        }
    }

    /// <summary>Stops listening and removes the socket.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public void Close()
    {
        if (_listener is not null)
            _socket!.Close(_listener);
    }
}
