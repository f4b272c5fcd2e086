using System.Buffers;

namespace Ttrpc;

/// <summary>What a <see cref="TtrpcChannel"/> is built with.</summary>
public sealed record TtrpcChannelOptions
{
    /// <summary>The clock of deadlines.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>What the connection may use.</summary>
    public TtrpcLimits Limits { get; init; } = new();

    /// <summary>Where buffers of frames come from. Whatever is rented is returned.</summary>
    public ArrayPool<byte> BufferPool { get; init; } = ArrayPool<byte>.Shared;
}
