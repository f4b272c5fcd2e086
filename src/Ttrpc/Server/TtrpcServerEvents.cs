using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// What a server has to tell; override what is wanted. Called on whatever thread it happens on; the overrides must
/// neither block nor throw.
/// </summary>
public class TtrpcServerEvents
{
    /// <summary>A connection was taken.</summary>
    /// <param name="transport">The connection.</param>
    public virtual void ConnectionOpened(TtrpcTransport transport)
    {
    }

    /// <summary>A connection ended, or was refused and never opened.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="reason">Why.</param>
    /// <param name="message">The reason in words, with the offending frame or error.</param>
    public virtual void ConnectionClosed(TtrpcTransport transport, TtrpcCloseReason reason, string message)
    {
    }

    /// <summary>Accepting failed; the server goes on after a pause.</summary>
    /// <param name="error">What failed.</param>
    /// <param name="pause">The pause.</param>
    public virtual void AcceptFailed(Exception error, TimeSpan pause)
    {
    }

    /// <summary>A request was answered with an error before it became a call: an unknown method, a limit.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="status">The answer.</param>
    public virtual void CallRefused(TtrpcTransport transport, Status status)
    {
    }

    /// <summary>A call ended, whichever way.</summary>
    /// <param name="call">The call.</param>
    /// <param name="status">What the client was or would have been told.</param>
    /// <param name="error">What the handler threw, if anything.</param>
    /// <param name="elapsed">Time from the request's arrival.</param>
    public virtual void CallEnded(ServerCallContext call, Status status, Exception? error, TimeSpan elapsed)
    {
    }

    /// <summary>
    /// A handler threw what neither <see cref="TtrpcServerOptions.MapException"/> nor the server knows, or failed
    /// where nobody is answered any more: a bug in it, most likely.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="error">What it threw.</param>
    public virtual void HandlerFailed(ServerCallContext call, Exception error)
    {
    }
}
