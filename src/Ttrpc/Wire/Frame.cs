namespace Ttrpc.Wire;

/// <summary>
/// One received frame. The payload is in the buffer of the <see cref="FrameBuffer"/> that returned the frame and is
/// overwritten by its next operation; copy it to keep it.
/// </summary>
internal readonly struct Frame(FrameHeader header, ReadOnlyMemory<byte> payload)
{
    /// <summary>The header as received.</summary>
    public FrameHeader Header => header;

    /// <summary>The payload; empty for an oversized frame, which is skipped.</summary>
    public ReadOnlyMemory<byte> Payload => payload;
}
