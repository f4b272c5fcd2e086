using System.Buffers;
using Grpc.Core;

namespace Ttrpc;

/// <summary>What a <see cref="TtrpcServer"/> is built with.</summary>
public sealed record TtrpcServerOptions
{
    /// <summary>The clock of deadlines, bounds and retries.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Who is told what happens.</summary>
    public TtrpcServerEvents Events { get; init; } = new();

    /// <summary>
    /// Turns an exception that a handler threw into the answer; null leaves it to the server, which knows
    /// <see cref="RpcException"/> (its status and details) and <see cref="OperationCanceledException"/> (CANCELLED,
    /// or DEADLINE_EXCEEDED once the deadline has passed) and makes UNKNOWN with its message of all others. It is
    /// asked first, and for every exception.
    /// </summary>
    public Func<ServerCallContext, Exception, RpcException?>? MapException { get; init; }

    /// <summary>
    /// The only user whose connections are served, where the transport knows the peer's user; null means the user
    /// that this process runs as.
    /// </summary>
    public uint? AllowedUid { get; init; }

    /// <summary>What each connection may use.</summary>
    public TtrpcLimits Limits { get; init; } = new();

    /// <summary>Where buffers of frames come from. Whatever is rented is returned.</summary>
    public ArrayPool<byte> BufferPool { get; init; } = ArrayPool<byte>.Shared;
}
