using System.Numerics;
using System.Text;

namespace Ttrpc.Wire;

/// <summary>
/// Writes protobuf fields into a span that the caller has sized with this type's size methods. All field numbers of
/// the envelopes are below 16, so a tag is one byte.
/// </summary>
internal ref struct ProtoWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;
    private int _position;

    /// <summary>Bytes written so far.</summary>
    public readonly int Position => _position;

    /// <summary>Size in bytes of a varint: one byte per seven bits, at least one.</summary>
    public static int VarintSize(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;

    /// <summary>Size in bytes of a length-delimited field: tag, length, contents.</summary>
    public static int BytesFieldSize(int length) => 1 + VarintSize((ulong)length) + length;

    /// <summary>Writes a varint.</summary>
    public void WriteVarint(ulong value)
    {
        while (value >= 0x80)
        {
            _destination[_position++] = (byte)(value | 0x80);
            value >>= 7;
        }

        _destination[_position++] = (byte)value;
    }

    /// <summary>Writes tag and value of a varint field.</summary>
    public void WriteVarintField(int field, ulong value)
    {
        WriteTag(field, WireType.Varint);
        WriteVarint(value);
    }

    /// <summary>Writes tag and length of a field whose contents the caller writes next.</summary>
    public void WriteBytesPrefix(int field, int length)
    {
        WriteTag(field, WireType.Bytes);
        WriteVarint((ulong)length);
    }

    /// <summary>Writes a length-delimited field.</summary>
    public void WriteBytesField(int field, ReadOnlySpan<byte> value)
    {
        WriteBytesPrefix(field, value.Length);
        WriteRaw(value);
    }

    /// <summary>Writes a string field.</summary>
    public void WriteStringField(int field, string value)
    {
        WriteBytesPrefix(field, Encoding.UTF8.GetByteCount(value));
        _position += Encoding.UTF8.GetBytes(value, _destination[_position..]);
    }

    /// <summary>Copies bytes that are already encoded.</summary>
    public void WriteRaw(ReadOnlySpan<byte> value)
    {
        value.CopyTo(_destination[_position..]);
        _position += value.Length;
    }

    private void WriteTag(int field, WireType type) => _destination[_position++] = (byte)((field << 3) | (int)type);
}
