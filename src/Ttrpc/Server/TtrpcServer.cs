namespace Ttrpc;

/// <summary>
/// Serves generated services over ttrpc:
/// <code>
///  var services = new TtrpcServices();
///  TaskService.BindService(services, implementation);
///  await using var server = new TtrpcServer(services);
///  await server.RunAsync(listener, cancellationToken);
/// </code>
/// Handlers start on the connection's receive loop, so they must not block. With a
/// <see cref="SynchronizationContext"/> everything runs on it; without one, on the thread pool. Thread-safe.
/// </summary>
public sealed class TtrpcServer : IAsyncDisposable
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private readonly TtrpcServices _services;
    private readonly TtrpcServerOptions _options;
    private readonly Lock _gate = new();
    private readonly Dictionary<ServerConnection, TaskCompletionSource> _connections = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly uint _allowedUid;

    /// <summary>Creates a server.</summary>
    /// <param name="services">The services; must not change afterwards.</param>
    /// <param name="options">The options; null means the defaults.</param>
    /// <exception cref="IOException">The options name no user, and /proc does not provide this process's.</exception>
    public TtrpcServer(TtrpcServices services, TtrpcServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        _services = services;
        _options = options ?? new TtrpcServerOptions();
        _allowedUid = _options.AllowedUid ?? ProcessUser.EffectiveUid();
    }

    /// <summary>The number of connections that are being served.</summary>
    public int ConnectionCount
    {
        get
        {
            lock (_gate)
                return _connections.Count;
        }
    }

    /// <summary>
    /// Accepts and serves connections until the listener is closed, the token is cancelled or
    /// <see cref="ShutdownAsync"/> is called. Accepted connections are served until they close or the server shuts
    /// down. The caller keeps ownership of the listener. May be called for several listeners.
    /// </summary>
    /// <param name="listener">The source of connections.</param>
    /// <param name="cancellationToken">Ends accepting.</param>
    public async Task RunAsync(ITtrpcListener listener, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(listener);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
        TimeSpan pause = s_firstPause;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (await listener.AcceptAsync(stop.Token) is not { } transport)
                    return;
                pause = s_firstPause;
                _ = ServeAsync(transport);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // After EMFILE and similar errors the listener stays readable, so an immediate retry would spin.
                _options.Events.AcceptFailed(e, pause);
                await Task.Delay(pause, _options.TimeProvider, stop.Token)
                    .ConfigureAwait(
                        ConfigureAwaitOptions.ContinueOnCapturedContext | ConfigureAwaitOptions.SuppressThrowing);
                pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
            }
        }
    }

    /// <summary>Takes ownership of one connection and serves it until it closes. Never throws.</summary>
    /// <param name="transport">The connection.</param>
    public Task ServeAsync(TtrpcTransport transport)
    {
        ArgumentNullException.ThrowIfNull(transport);
        if (transport.PeerUid is { } uid && uid != _allowedUid)
        {
            string message = $"peer runs as user {uid}, only user {_allowedUid} is allowed";
            return Refuse(transport, TtrpcCloseReason.ForeignUser, message);
        }

        var connection = new ServerConnection(transport, _services, _options);
        var served = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool stopping;
        lock (_gate)
        {
            stopping = _stopping.IsCancellationRequested;
            if (!stopping)
                _connections.Add(connection, served);
        }

        if (stopping)
            return Refuse(transport, TtrpcCloseReason.Shutdown, TtrpcCloseReason.Shutdown.Describe());
        _ = ServeAsync(connection, served);
        return served.Task;
    }

    /// <summary>
    /// Shuts down gracefully: stops accepting, refuses new calls with UNAVAILABLE, waits for the running calls and
    /// closes the connections. After <paramref name="drainTimeout"/> it cancels the running calls and closes. It does
    /// not wait for handlers that ignore their token.
    /// </summary>
    /// <param name="drainTimeout">How long running calls may continue.</param>
    public async Task ShutdownAsync(TimeSpan drainTimeout)
    {
        // Not CancelAsync, which uses the thread pool.
        _stopping.Cancel();
        foreach (ServerConnection connection in Connections())
            connection.Drain();

        try
        {
            await AllServedAsync().WaitAsync(drainTimeout, _options.TimeProvider);
        }
        catch (TimeoutException)
        {
            foreach (ServerConnection connection in Connections())
                connection.Close(new CloseCause(TtrpcCloseReason.ShutdownTimedOut));
            await AllServedAsync();
        }
    }

    /// <summary>Shuts down without waiting for calls.</summary>
    public async ValueTask DisposeAsync() => await ShutdownAsync(TimeSpan.Zero);

    private async Task ServeAsync(ServerConnection connection, TaskCompletionSource served)
    {
        await connection.ReceiveAsync();
        CloseCause cause = connection.CloseCause!;
        _options.Events.ConnectionClosed(connection.Transport, cause.Reason, cause.Describe());
        lock (_gate)
            _connections.Remove(connection);
        served.SetResult();
    }

    private ServerConnection[] Connections()
    {
        lock (_gate)
            return [.. _connections.Keys];
    }

    private async Task AllServedAsync()
    {
        TaskCompletionSource[] all;
        lock (_gate)
            all = [.. _connections.Values];
        foreach (TaskCompletionSource served in all)
            await served.Task;
    }

    private Task Refuse(TtrpcTransport transport, TtrpcCloseReason reason, string message)
    {
        transport.Stream.Dispose();
        _options.Events.ConnectionClosed(transport, reason, message);
        return Task.CompletedTask;
    }
}
