namespace Ttrpc;

/// <summary>A source of connections for a server.</summary>
public interface ITtrpcListener
{
    /// <summary>
    /// Waits for the next connection. Null means that the listener is closed, which ends the server's accept loop.
    /// After an exception (too many open files, for example) the server retries after a pause.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<TtrpcTransport?> AcceptAsync(CancellationToken cancellationToken);
}
