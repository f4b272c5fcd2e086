using Grpc.Core;
using Shim.Logging;
using Ttrpc;

namespace Shim.Service;

/// <summary>Logs the ttrpc server's events, and trims the heap after its calls.</summary>
internal sealed class ServerLog(ShimLog log) : TtrpcServerEvents
{
    private readonly HeapTrimmer _heap = new();

    /// <inheritdoc/>
    public override void ConnectionClosed(TtrpcTransport transport, TtrpcCloseReason reason, string message)
    {
        if (reason is not TtrpcCloseReason.PeerClosed and not TtrpcCloseReason.Shutdown)
            log.ConnectionClosed(transport.Peer, message);
    }

    /// <inheritdoc/>
    public override void AcceptFailed(Exception error, TimeSpan pause) => log.AcceptFailed(error, pause);

    /// <inheritdoc/>
    public override void CallEnded(ServerCallContext call, Status status, Exception? error, TimeSpan elapsed)
    {
        if (log.IsDebug)
            log.CallEnded(call.Method, call.Peer, status.ToString(), elapsed);
        _heap.CallEnded();
    }

    /// <inheritdoc/>
    public override void HandlerFailed(ServerCallContext call, Exception error) => log.CallFailed(call.Method, error);
}
