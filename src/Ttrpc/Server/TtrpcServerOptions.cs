using System.Buffers;
using Grpc.Core;

namespace Ttrpc;

/// <summary>Options of a <see cref="TtrpcServer"/>.</summary>
public sealed record TtrpcServerOptions
{
    /// <summary>The clock for deadlines, timeouts and retries.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The receiver of the server's notifications.</summary>
    public TtrpcServerEvents Events { get; init; } = new();

    /// <summary>
    /// Maps an exception thrown by a handler to the response. Called first, for every exception. Null leaves the
    /// exception to the server, which maps <see cref="RpcException"/> to its status and details,
    /// <see cref="OperationCanceledException"/> to CANCELLED, or DEADLINE_EXCEEDED once the deadline has passed, and
    /// every other exception to UNKNOWN with its message.
    /// </summary>
    public Func<ServerCallContext, Exception, RpcException?>? MapException { get; init; }

    /// <summary>
    /// The only user whose connections are served, on transports that provide the peer's user; null means the user
    /// that this process runs as.
    /// </summary>
    public uint? AllowedUid { get; init; }

    /// <summary>The limits of each connection.</summary>
    public TtrpcLimits Limits { get; init; } = new();

    /// <summary>The pool for frame buffers. Every rented buffer is returned.</summary>
    public ArrayPool<byte> BufferPool { get; init; } = ArrayPool<byte>.Shared;
}
