using System.Text.Unicode;

namespace Ttrpc.Wire;

/// <summary>
/// The payload of a request frame, protobuf message <c>ttrpc.Request</c>:
/// <code>
///  1 service       string
///  2 method        string
///  3 payload       bytes      the request message
///  4 timeout_nano  int64      0: no deadline; negative: the deadline has passed
///  5 metadata      repeated KeyValue { 1 key: string, 2 value: string }
/// </code>
/// The spans point into the frame and are valid as long as it is.
/// </summary>
internal ref struct RequestEnvelope
{
    /// <summary>Number of the service field.</summary>
    public const int ServiceField = 1;

    /// <summary>Number of the method field.</summary>
    public const int MethodField = 2;

    /// <summary>Number of the payload field.</summary>
    public const int PayloadField = 3;

    /// <summary>Number of the timeout field.</summary>
    public const int TimeoutField = 4;

    /// <summary>Number of the metadata field.</summary>
    public const int MetadataField = 5;

    private ReadOnlySpan<byte> _bytes;

    /// <summary>Full name of the service, UTF-8.</summary>
    public ReadOnlySpan<byte> Service;

    /// <summary>Name of the method, UTF-8.</summary>
    public ReadOnlySpan<byte> Method;

    /// <summary>Offset of the request message in the frame's payload.</summary>
    public int PayloadOffset;

    /// <summary>Length of the request message in bytes.</summary>
    public int PayloadLength;

    /// <summary>The call's timeout in nanoseconds; 0 means none.</summary>
    public long TimeoutNano;

    /// <summary>Bytes of all KeyValue messages with their length prefixes.</summary>
    public int MetadataLength;

    /// <summary>
    /// Reads a request. False if it is not protobuf, a known field has another type, or a string is not UTF-8. If a
    /// singular field occurs twice, the last value is used, as in protobuf; unknown fields are skipped.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out RequestEnvelope request)
    {
        request = new RequestEnvelope { _bytes = bytes };
        var reader = new ProtoReader(bytes);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out int field, out WireType type))
                return false;

            if (field is < ServiceField or > MetadataField)
            {
                if (!reader.TrySkip(type))
                    return false;
                continue;
            }

            if (field == TimeoutField)
            {
                if (type != WireType.Varint || !reader.TryReadVarint(out ulong timeout))
                    return false;
                request.TimeoutNano = (long)timeout;
                continue;
            }

            int start = reader.Position;
            if (type != WireType.Bytes || !reader.TryReadBytes(out ReadOnlySpan<byte> value))
                return false;

            switch (field)
            {
                case PayloadField:
                    request.PayloadOffset = reader.Position - value.Length;
                    request.PayloadLength = value.Length;
                    break;
                case MetadataField:
                    if (!MetadataCodec.TryParseEntry(value, out _, out _))
                        return false;
                    request.MetadataLength += reader.Position - start;
                    break;
                case ServiceField when Utf8.IsValid(value):
                    request.Service = value;
                    break;
                case MethodField when Utf8.IsValid(value):
                    request.Method = value;
                    break;
                default:
                    return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Copies the KeyValue messages with their length prefixes, so that they outlive the frame;
    /// <see cref="MetadataCodec.Decode"/> reads them on demand. Null if there is none.
    /// </summary>
    public readonly byte[]? CopyMetadata()
    {
        if (MetadataLength == 0)
            return null;

        byte[] copy = new byte[MetadataLength];
        int position = 0;
        var reader = new ProtoReader(_bytes);
        // TryParse has accepted the message, so reading it again cannot fail.
        while (reader.TryReadTag(out int field, out WireType type))
        {
            int start = reader.Position;
            reader.TrySkip(type);
            if (field != MetadataField)
                continue;
            ReadOnlySpan<byte> entry = _bytes[start..reader.Position];
            entry.CopyTo(copy.AsSpan(position));
            position += entry.Length;
        }

        return copy;
    }
}
