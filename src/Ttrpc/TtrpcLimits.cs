namespace Ttrpc;

/// <summary>
/// The limits of one connection. The defaults suit a shim: many calls that wait for a long time, small messages, one
/// or two connections.
/// </summary>
public sealed record TtrpcLimits
{
    /// <summary>Concurrent calls of one client at a server; further calls fail with RESOURCE_EXHAUSTED.</summary>
    public int ConcurrentCalls { get; init; } = 4096;

    /// <summary>
    /// Bytes of received messages that are still in use: requests of running handlers, and streamed messages that
    /// have not been read. A message that exceeds the limit fails its call with RESOURCE_EXHAUSTED.
    /// </summary>
    public int HeldBytes { get; init; } = 32 << 20;

    /// <summary>
    /// Unread messages of one stream. While the queue is full, the connection is not read, for up to
    /// <see cref="StallTimeout"/>.
    /// </summary>
    public int QueuedMessages { get; init; } = 64;

    /// <summary>
    /// How long a full stream may stop the connection from being read. After that the stream fails with
    /// RESOURCE_EXHAUSTED, so that a handler that does not read cannot block the other calls.
    /// </summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Unsent bytes above which a server stops reading from the peer, and stream writers wait, until the peer has
    /// read some.
    /// </summary>
    public int UnsentBytes { get; init; } = 1 << 20;

    /// <summary>
    /// Hard limit of unsent bytes, exceeded by at most one frame: above it a server closes the connection, and a
    /// client fails the call with RESOURCE_EXHAUSTED.
    /// </summary>
    public int MaxUnsentBytes { get; init; } = 16 << 20;
}
