using System.Buffers;

namespace Ttrpc;

/// <summary>Options of a <see cref="TtrpcChannel"/>.</summary>
public sealed record TtrpcChannelOptions
{
    /// <summary>The clock for deadlines.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The limits of the connection.</summary>
    public TtrpcLimits Limits { get; init; } = new();

    /// <summary>The pool for frame buffers. Every rented buffer is returned.</summary>
    public ArrayPool<byte> BufferPool { get; init; } = ArrayPool<byte>.Shared;
}
