namespace Ttrpc.Wire;

/// <summary>The encoding of a protobuf field's value: the low three bits of its tag.</summary>
internal enum WireType
{
    /// <summary>A varint.</summary>
    Varint = 0,

    /// <summary>Eight bytes.</summary>
    Fixed64 = 1,

    /// <summary>A varint length, followed by that many bytes.</summary>
    Bytes = 2,

    /// <summary>Four bytes.</summary>
    Fixed32 = 5,
}

/// <summary>
/// Reads the fields of one protobuf message:
/// <code>
///  message = { tag value }
///  tag     = varint: field number &lt;&lt; 3 | wire type
///  value   = varint | 8 bytes | varint length, bytes | 4 bytes
/// </code>
/// Every method returns false on malformed input, and nothing can be read after that. Groups, which proto3 does not
/// have, are malformed. Nothing is copied: spans point into the message.
/// </summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;

    /// <summary>Whether the whole message has been read.</summary>
    public readonly bool AtEnd => _position == _message.Length;

    /// <summary>Offset of the next byte.</summary>
    public readonly int Position => _position;

    /// <summary>Reads the next field's number and wire type.</summary>
    public bool TryReadTag(out int field, out WireType type)
    {
        field = 0;
        type = 0;
        if (!TryReadVarint(out ulong tag) || tag > uint.MaxValue)
            return false;
        field = (int)(tag >> 3);
        type = (WireType)(tag & 7);
        return field != 0;
    }

    /// <summary>Reads a varint: at most ten bytes, at most 64 bits.</summary>
    public bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && _position < _message.Length; shift += 7)
        {
            byte b = _message[_position++];
            // The tenth byte may hold only the 64th bit.
            if (shift == 63 && b > 1)
                return false;
            value |= (ulong)(b & 0x7f) << shift;
            if (b < 0x80)
                return true;
        }

        return false;
    }

    /// <summary>Reads a length and that many bytes.</summary>
    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryReadVarint(out ulong length) || length > (ulong)(_message.Length - _position))
            return false;
        value = _message.Slice(_position, (int)length);
        _position += (int)length;
        return true;
    }

    /// <summary>Skips the value of a field.</summary>
    public bool TrySkip(WireType type) => type switch
    {
        WireType.Varint => TryReadVarint(out _),
        WireType.Fixed64 => TryAdvance(8),
        WireType.Bytes => TryReadBytes(out _),
        WireType.Fixed32 => TryAdvance(4),
        _ => false,
    };

    private bool TryAdvance(int count)
    {
        if (count > _message.Length - _position)
            return false;
        _position += count;
        return true;
    }
}
