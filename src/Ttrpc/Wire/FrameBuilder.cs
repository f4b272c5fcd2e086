using System.Buffers;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Serializes a message directly into the buffer that is sent. The envelope before the message holds its length, so
/// headroom is reserved, the message is written, and then the envelope is written into the headroom:
/// <code>
///  |&lt;---- headroom -----&gt;|
///  +-------+------+--------+---------+--------+------+
///  | slack |header| prefix | message | suffix | free |
///  +-------+------+--------+---------+--------+------+
///          ^ start         ^ headroom         ^ end
/// </code>
/// One builder per thread is enough: it is in use only while a frame is built, synchronously.
/// </summary>
internal sealed class FrameBuilder : SerializationContext, IBufferWriter<byte>
{
    private const int FirstGuess = 256;

    [ThreadStatic]
    private static FrameBuilder? t_instance;

    private ArrayPool<byte> _pool = ArrayPool<byte>.Shared;
    private byte[] _buffer = [];
    private int _headroom;
    private int _end;

    /// <summary>Bytes of the message so far.</summary>
    public int MessageLength => _end - _headroom;

    /// <summary>
    /// Serializes <paramref name="message"/> after <paramref name="headroom"/> free bytes. The caller must then call
    /// <see cref="Finish"/> or <see cref="Abandon"/>, unless this throws.
    /// </summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the message is longer than a frame may be.</exception>
    public static FrameBuilder Serialize<T>(ArrayPool<byte> pool, int headroom, Marshaller<T> marshaller, T message)
    {
        FrameBuilder builder = Begin(pool, headroom);
        try
        {
            marshaller.ContextualSerializer(message, builder);
            return builder;
        }
        catch
        {
            builder.Abandon();
            throw;
        }
    }

    /// <summary>Starts a frame without a message.</summary>
    public static FrameBuilder Begin(ArrayPool<byte> pool, int headroom)
    {
        // A marshaller that builds a frame itself finds no builder and creates one.
        FrameBuilder builder = t_instance ?? new FrameBuilder();
        t_instance = null;
        builder._pool = pool;
        builder._headroom = builder._end = headroom;
        return builder;
    }

    /// <summary>The bytes immediately before the message, for the caller to fill.</summary>
    public Span<byte> Before(int length)
    {
        Reserve(0);
        return _buffer.AsSpan(_headroom - length, length);
    }

    /// <summary>Appends <paramref name="length"/> bytes, for the caller to fill.</summary>
    public Span<byte> After(int length)
    {
        Reserve(length);
        _end += length;
        return _buffer.AsSpan(_end - length, length);
    }

    /// <summary>Writes the header before the prefix and passes ownership of the frame to the caller.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: the frame is longer than the protocol allows.</exception>
    public OutgoingFrame Finish(int prefix, uint streamId, FrameType type, FrameFlags flags)
    {
        int start = _headroom - prefix - FrameHeader.Size;
        int payload = _end - _headroom + prefix;
        if (payload > FrameHeader.MaxPayload)
        {
            Abandon();
            throw TooLong(payload);
        }

        Reserve(0);
        new FrameHeader((uint)payload, streamId, type, flags).Write(_buffer.AsSpan(start));
        var frame = new OutgoingFrame(_buffer, start, _end - start);
        Free();
        return frame;
    }

    /// <summary>Returns the buffer without a frame.</summary>
    public void Abandon()
    {
        if (_buffer.Length > 0)
            _pool.Return(_buffer);
        Free();
    }

    /// <inheritdoc/>
    public override void SetPayloadLength(int payloadLength) => Reserve(payloadLength);

    /// <inheritdoc/>
    public override IBufferWriter<byte> GetBufferWriter() => this;

    /// <inheritdoc/>
    public override void Complete(byte[] payload) => payload.CopyTo(After(payload.Length));

    /// <inheritdoc/>
    public override void Complete()
    {
        // The message is what was written so far.
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_buffer.Length - _end));
        _end += count;
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsMemory(_end);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _buffer.AsSpan(_end);
    }

    private static RpcException TooLong(long length) => new(new Status(
        StatusCode.ResourceExhausted,
        $"message of {length} bytes exceeds the limit of {FrameHeader.MaxPayload}"));

    private void Free()
    {
        _buffer = [];
        t_instance = this;
    }

    private void Reserve(int count)
    {
        long needed = (long)_end + count;
        if (needed <= _buffer.Length)
            return;

        // Rejected before memory is allocated for it; Finish checks the exact length.
        if (needed - _headroom > FrameHeader.MaxPayload)
            throw TooLong(needed - _headroom);

        byte[] larger = _pool.Rent((int)Math.Max(needed, _buffer.Length == 0 ? FirstGuess : _buffer.Length * 2L));
        if (_buffer.Length > 0)
        {
            _buffer.AsSpan(0, _end).CopyTo(larger);
            _pool.Return(_buffer);
        }

        _buffer = larger;
    }
}
