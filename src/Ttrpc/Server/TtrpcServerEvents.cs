using Grpc.Core;

namespace Ttrpc;

/// <summary>
/// Notifications of a server; override the ones you need. They run on the thread where the event occurs and must
/// neither block nor throw.
/// </summary>
public class TtrpcServerEvents
{
    /// <summary>A connection closed, or was refused before it was served.</summary>
    /// <param name="transport">The connection.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="message">The reason as text, with the violating frame or the exception.</param>
    public virtual void ConnectionClosed(TtrpcTransport transport, TtrpcCloseReason reason, string message)
    {
    }

    /// <summary>Accepting a connection failed; the server retries after a pause.</summary>
    /// <param name="error">The exception.</param>
    /// <param name="pause">The pause.</param>
    public virtual void AcceptFailed(Exception error, TimeSpan pause)
    {
    }

    /// <summary>
    /// A request was answered with an error before it became a call, because of an unknown method or a limit, for
    /// example.
    /// </summary>
    /// <param name="transport">The connection.</param>
    /// <param name="status">The status sent to the client.</param>
    public virtual void CallRefused(TtrpcTransport transport, Status status)
    {
    }

    /// <summary>A call ended, with or without success.</summary>
    /// <param name="call">The call.</param>
    /// <param name="status">The status that was sent to the client, or would have been.</param>
    /// <param name="error">The exception thrown by the handler, if any.</param>
    /// <param name="elapsed">Time since the request arrived.</param>
    public virtual void CallEnded(ServerCallContext call, Status status, Exception? error, TimeSpan elapsed)
    {
    }

    /// <summary>
    /// A handler threw an exception that neither <see cref="TtrpcServerOptions.MapException"/> nor the server maps
    /// to a status, or failed where no response can be sent: most likely a bug in the handler.
    /// </summary>
    /// <param name="call">The call.</param>
    /// <param name="error">The exception.</param>
    public virtual void HandlerFailed(ServerCallContext call, Exception error)
    {
    }
}
