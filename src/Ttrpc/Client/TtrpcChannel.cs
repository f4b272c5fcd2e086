using System.Net.Sockets;
using Grpc.Core;
using Ttrpc.Wire;

namespace Ttrpc;

/// <summary>
/// A gRPC call invoker over one ttrpc connection, for generated clients:
/// <code>
///  await using TtrpcChannel channel = await TtrpcChannel.ConnectAsync("/run/containerd/s/…");
///  var task = new Task.TaskClient(channel);
/// </code>
/// Thread-safe; calls run concurrently. The deadline and the token end a call at the client at once; the deadline is
/// also sent to the server, a cancellation is not (the protocol has no frame for it). Once the connection is closed,
/// every call fails with UNAVAILABLE and the reason; connect a new channel then. ttrpc has no response headers, and
/// no trailers except <c>grpc-status-details-bin</c>. A call's host and wait-for-ready are ignored, because there is
/// only one server.
/// </summary>
public sealed class TtrpcChannel : CallInvoker, IAsyncDisposable
{
    private readonly ClientConnection _connection;
    private readonly SynchronizationContext? _context = SynchronizationContext.Current;

    /// <summary>Creates a channel over a connected stream and takes ownership of it.</summary>
    /// <param name="stream">A duplex stream; disposing it must end its pending reads and writes.</param>
    /// <param name="options">The options; null means the defaults.</param>
    public TtrpcChannel(Stream stream, TtrpcChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new TtrpcChannelOptions();
        _connection = new ClientConnection(stream, options.Limits, options.BufferPool, options.TimeProvider);
        Completion = _connection.ReceiveAsync();
    }

    /// <summary>Completes when the connection has closed; never faults. See <see cref="CloseReason"/>.</summary>
    public Task Completion { get; }

    /// <summary>Why the connection closed, or <see cref="TtrpcCloseReason.None"/>.</summary>
    public TtrpcCloseReason CloseReason => _connection.CloseCause?.Reason ?? TtrpcCloseReason.None;

    /// <summary>Connects to a unix socket.</summary>
    /// <param name="path">The socket's path.</param>
    /// <param name="options">The options; null means the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="IOException">No server listens on the path, or access is denied.</exception>
    public static async Task<TtrpcChannel> ConnectAsync(
        string path, TtrpcChannelOptions? options = null, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            return new TtrpcChannel(new NetworkStream(socket, ownsSocket: true), options);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new IOException($"cannot connect to {path}: {e.Message}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">
    /// Called on the <see cref="SynchronizationContext"/> that must receive the response.
    /// </exception>
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        if (_context is not null && _context == SynchronizationContext.Current)
            throw new InvalidOperationException($"blocking call of {method.FullName} would deadlock: await it instead");
        return AsyncUnaryCall(method, host, options, request).ResponseAsync.GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = new SingleResponseCall<TResponse>(_connection, method, method.ResponseMarshaller);
        Start(call, options, method, request, FrameFlags.None);
        return new AsyncUnaryCall<TResponse>(call.Response, Headers, StatusOf, TrailersOf, Dispose, call);
    }

    /// <inheritdoc/>
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = new StreamingResponseCall<TResponse>(_connection, method, method.ResponseMarshaller);
        Start(call, options, method, request, FrameFlags.RemoteClosed);
        return new AsyncServerStreamingCall<TResponse>(call.Responses, Headers, StatusOf, TrailersOf, Dispose, call);
    }

    /// <inheritdoc/>
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = new SingleResponseCall<TResponse>(_connection, method, method.ResponseMarshaller);
        Start<TRequest, TResponse>(call, options, method, null, FrameFlags.RemoteOpen);
        var requests = new RequestWriter<TRequest>(_connection, call, method.RequestMarshaller);
        return new AsyncClientStreamingCall<TRequest, TResponse>(
            requests, call.Response, Headers, StatusOf, TrailersOf, Dispose, call);
    }

    /// <inheritdoc/>
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = new StreamingResponseCall<TResponse>(_connection, method, method.ResponseMarshaller);
        Start<TRequest, TResponse>(call, options, method, null, FrameFlags.RemoteOpen);
        var requests = new RequestWriter<TRequest>(_connection, call, method.RequestMarshaller);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            requests, call.Responses, Headers, StatusOf, TrailersOf, Dispose, call);
    }

    /// <summary>Closes the connection; pending calls fail with UNAVAILABLE.</summary>
    public async ValueTask DisposeAsync()
    {
        _connection.Close(new CloseCause(TtrpcCloseReason.Disposed));
        await Completion;
    }

    private static Task<Metadata> Headers(object state) => Task.FromResult(new Metadata());

    private static Status StatusOf(object state) => ((ClientCall)state).Status;

    private static Metadata TrailersOf(object state) => ((ClientCall)state).Trailers;

    private static void Dispose(object state) => ((ClientCall)state).Dispose();

    // As in gRPC, errors here become the call's outcome and are not thrown at its start.
    private void Start<TRequest, TResponse>(
        ClientCall call, CallOptions options, Method<TRequest, TResponse> method, TRequest? request, FrameFlags flags)
        where TRequest : class
        where TResponse : class
    {
        if (options.Credentials is not null)
            throw new NotSupportedException("ttrpc does not support call credentials");

        TimeSpan? timeout = null;
        if (options.Deadline is { } deadline && deadline != DateTime.MaxValue)
            timeout = deadline.ToUniversalTime() - _connection.Time.GetUtcNow().UtcDateTime;
        if (timeout <= TimeSpan.Zero)
        {
            call.End(new Status(
                StatusCode.DeadlineExceeded, $"{method.FullName}: the deadline passed before the call started"));
            return;
        }

        OutgoingFrame frame;
        try
        {
            long nanoseconds = timeout is { } left && left <= Connection.LongestTimer ? left.Ticks * 100 : 0;
            frame = request is null
                ? FrameEncoder.OpenRequest(_connection.Pool, method, nanoseconds, options.Headers)
                : FrameEncoder.Request(_connection.Pool, method, request, flags, nanoseconds, options.Headers);
        }
        catch (RpcException e)
        {
            call.End(e.Status);
            return;
        }
        catch (Exception e)
        {
            call.End(new Status(
                StatusCode.Internal, $"{method.FullName}: cannot serialize the request: {e.Message}", e));
            return;
        }

        call.Watch(timeout, options.CancellationToken);
        _connection.Open(call, frame);
    }
}
