using System.Text.Unicode;

namespace Ttrpc.Wire;

/// <summary>
/// The payload of a request frame, protobuf message <c>ttrpc.Request</c>:
/// <code>
///  1 service       string
///  2 method        string
///  3 payload       bytes      the request message
///  4 timeout_nano  int64      0: no deadline; negative: it has passed already
///  5 metadata      repeated KeyValue { 1 key: string, 2 value: string }
/// </code>
/// The spans point into the frame and live as long as it does.
/// </summary>
internal ref struct RequestEnvelope
{
    private const int ServiceField = 1;
    private const int MethodField = 2;
    private const int PayloadField = 3;
    private const int TimeoutField = 4;
    private const int MetadataField = 5;

    private ReadOnlySpan<byte> _bytes;

    /// <summary>Full name of the service, UTF-8.</summary>
    public ReadOnlySpan<byte> Service;

    /// <summary>Name of the method, UTF-8.</summary>
    public ReadOnlySpan<byte> Method;

    /// <summary>Where the request message lies in the frame's payload.</summary>
    public int PayloadOffset;

    /// <summary>Bytes of the request message.</summary>
    public int PayloadLength;

    /// <summary>Nanoseconds that the client gives the call; 0 means for ever.</summary>
    public long TimeoutNano;

    /// <summary>Bytes of all KeyValue messages, each with its length before it.</summary>
    public int MetadataLength;

    /// <summary>
    /// Reads a request. False if it is not protobuf, a known field has another type, or a string is not UTF-8.
    /// Of a field that comes twice the last counts, as protobuf says; unknown fields are skipped.
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
    /// Copies the KeyValue messages, each with its length before it, so that they outlive the frame;
    /// <see cref="MetadataCodec.Decode"/> reads them if somebody asks. Null if there is none.
    /// </summary>
    public readonly byte[]? CopyMetadata()
    {
        if (MetadataLength == 0)
            return null;

        byte[] copy = new byte[MetadataLength];
        int position = 0;
        var reader = new ProtoReader(_bytes);
        // The whole was parsed once, so nothing can fail now.
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
