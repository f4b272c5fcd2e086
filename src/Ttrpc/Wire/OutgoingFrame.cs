using System.Buffers;
using System.Buffers.Binary;

namespace Ttrpc.Wire;

/// <summary>
/// One whole frame, header and payload, in a pooled buffer. It is owned by whoever holds it last: the sender after
/// it was handed over, else the code that built it. The owner calls <see cref="Return"/> exactly once.
/// </summary>
internal readonly struct OutgoingFrame(byte[] buffer, int start, int length)
{
    /// <summary>Bytes of the frame.</summary>
    public int Length => length;

    /// <summary>The frame.</summary>
    public ReadOnlyMemory<byte> Memory => buffer.AsMemory(start, length);

    /// <summary>Puts in the stream, which a client knows only when it sends the request.</summary>
    public void SetStreamId(uint streamId) =>
        BinaryPrimitives.WriteUInt32BigEndian(buffer.AsSpan(start + 4), streamId);

    /// <summary>Gives the buffer back; the frame must not be touched afterwards.</summary>
    public void Return(ArrayPool<byte> pool) => pool.Return(buffer);
}
