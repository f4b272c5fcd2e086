using System.Buffers;
using System.Buffers.Binary;

namespace Ttrpc.Wire;

/// <summary>
/// One complete frame, header and payload, in a pooled buffer. The code that builds it owns it until it passes it to
/// the <see cref="FrameSender"/>. The owner calls <see cref="Return"/> exactly once.
/// </summary>
internal readonly struct OutgoingFrame(byte[] buffer, int start, int length)
{
    /// <summary>Length of the frame in bytes.</summary>
    public int Length => length;

    /// <summary>The bytes of the frame.</summary>
    public ReadOnlyMemory<byte> Memory => buffer.AsMemory(start, length);

    /// <summary>Sets the stream id, which a client assigns when it sends the request.</summary>
    public void SetStreamId(uint streamId) =>
        BinaryPrimitives.WriteUInt32BigEndian(buffer.AsSpan(start + 4), streamId);

    /// <summary>Returns the buffer; the frame must not be used afterwards.</summary>
    public void Return(ArrayPool<byte> pool) => pool.Return(buffer);
}
