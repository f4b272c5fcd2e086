namespace Ttrpc.Wire;

/// <summary>
/// The payload of a response frame, protobuf message <c>ttrpc.Response</c>:
/// <code>
///  1 status   google.rpc.Status { 1 code: int32, 2 message: string, 3 details: repeated Any }
///  2 payload  bytes              the response message
/// </code>
/// A successful response has no status (Go) or one with code 0 (Rust). The spans point into the frame.
/// </summary>
internal ref struct ResponseEnvelope
{
    /// <summary>Number of the status field.</summary>
    public const int StatusField = 1;

    /// <summary>Number of the payload field.</summary>
    public const int PayloadField = 2;

    /// <summary>The status message as received; empty if there is none.</summary>
    public ReadOnlySpan<byte> Status;

    /// <summary>Offset of the response message in the frame's payload.</summary>
    public int PayloadOffset;

    /// <summary>Length of the response message in bytes.</summary>
    public int PayloadLength;

    /// <summary>Reads a response; false if it is not protobuf or a known field has another type.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out ResponseEnvelope response)
    {
        response = default;
        var reader = new ProtoReader(bytes);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out int field, out WireType type))
                return false;
            if (field is not (StatusField or PayloadField))
            {
                if (!reader.TrySkip(type))
                    return false;
                continue;
            }

            if (type != WireType.Bytes || !reader.TryReadBytes(out ReadOnlySpan<byte> value))
                return false;
            if (field == StatusField)
            {
                response.Status = value;
            }
            else
            {
                response.PayloadOffset = reader.Position - value.Length;
                response.PayloadLength = value.Length;
            }
        }

        return true;
    }
}
