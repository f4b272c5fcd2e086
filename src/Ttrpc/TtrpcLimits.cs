namespace Ttrpc;

/// <summary>
/// What one connection may use at most. The defaults suit a shim: many calls that wait for a long time, small
/// messages, one or two connections.
/// </summary>
public sealed record TtrpcLimits
{
    /// <summary>Calls that a server runs at once for one client; one more is answered RESOURCE_EXHAUSTED.</summary>
    public int ConcurrentCalls { get; init; } = 4096;

    /// <summary>
    /// Bytes of received messages that are not dealt with: requests whose handlers run, and streamed messages that
    /// wait to be read. A message above it fails its call with RESOURCE_EXHAUSTED.
    /// </summary>
    public int HeldBytes { get; init; } = 32 << 20;

    /// <summary>
    /// Messages of one stream that wait to be read. When it is full, the connection is not read until there is room,
    /// for <see cref="StallBound"/> at most.
    /// </summary>
    public int QueuedMessages { get; init; } = 64;

    /// <summary>
    /// How long a full stream may keep the connection from being read. Afterwards that stream fails with
    /// RESOURCE_EXHAUSTED, so that a handler that does not read cannot block the calls beside it.
    /// </summary>
    public TimeSpan StallBound { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Bytes to be sent from which on a server reads no more from this peer, and stream writers wait, until the peer
    /// has read some.
    /// </summary>
    public int UnsentBytes { get; init; } = 1 << 20;

    /// <summary>
    /// Bytes to be sent that are never exceeded by more than one frame: a server closes the connection, a client
    /// fails the call with RESOURCE_EXHAUSTED.
    /// </summary>
    public int MaxUnsentBytes { get; init; } = 16 << 20;
}
