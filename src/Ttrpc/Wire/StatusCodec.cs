using System.Text;
using System.Text.Unicode;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Converts between <c>google.rpc.Status</c> on the wire and gRPC's <see cref="Status"/>, which has no details. They
/// are in the trailer <c>grpc-status-details-bin</c>, as a complete <c>google.rpc.Status</c>, where users of
/// grpc-dotnet set and read them.
/// </summary>
internal static class StatusCodec
{
    /// <summary>The trailer that holds a status with its details.</summary>
    public const string DetailsTrailer = "grpc-status-details-bin";

    private const int CodeField = 1;
    private const int MessageField = 2;
    private const int DetailsField = 3;

    /// <summary>
    /// Reads a status; false if it is malformed. <paramref name="detailsLength"/> is the size in bytes of its detail
    /// fields, including tags. A code that gRPC does not have becomes UNKNOWN.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out Status status, out int detailsLength)
    {
        status = default;
        detailsLength = 0;
        ulong code = 0;
        ReadOnlySpan<byte> message = default;
        var reader = new ProtoReader(bytes);
        while (!reader.AtEnd)
        {
            int start = reader.Position;
            if (!reader.TryReadTag(out int field, out WireType type))
                return false;
            bool good = field switch
            {
                CodeField => type == WireType.Varint && reader.TryReadVarint(out code),
                MessageField => type == WireType.Bytes && reader.TryReadBytes(out message) && Utf8.IsValid(message),
                DetailsField => type == WireType.Bytes && reader.TryReadBytes(out _),
                _ => reader.TrySkip(type),
            };
            if (!good)
                return false;
            if (field == DetailsField)
                detailsLength += reader.Position - start;
        }

        status = new Status(
            code <= (ulong)StatusCode.Unauthenticated ? (StatusCode)code : StatusCode.Unknown,
            Encoding.UTF8.GetString(message));
        return true;
    }

    /// <summary>Size in bytes of a status with the given lengths of message and detail fields.</summary>
    public static int Size(StatusCode code, int messageLength, int detailsLength) =>
        (code == 0 ? 0 : 1 + ProtoWriter.VarintSize((ulong)code)) +
        (messageLength == 0 ? 0 : ProtoWriter.BytesFieldSize(messageLength)) +
        detailsLength;

    /// <summary>
    /// Writes a status. <paramref name="detailed"/> is empty or a well-formed status whose detail fields are copied.
    /// </summary>
    public static void Write(ref ProtoWriter writer, Status status, ReadOnlySpan<byte> detailed)
    {
        if (status.StatusCode != 0)
            writer.WriteVarintField(CodeField, (ulong)status.StatusCode);
        if (status.Detail.Length != 0)
            writer.WriteStringField(MessageField, status.Detail);

        var reader = new ProtoReader(detailed);
        while (!reader.AtEnd)
        {
            int start = reader.Position;
            reader.TryReadTag(out int field, out WireType type);
            reader.TrySkip(type);
            if (field == DetailsField)
                writer.WriteRaw(detailed[start..reader.Position]);
        }
    }

    /// <summary>The trailers of a received status: the status itself if it has details, else none.</summary>
    public static Metadata Trailers(ReadOnlySpan<byte> bytes, int detailsLength)
    {
        var trailers = new Metadata();
        if (detailsLength > 0)
            trailers.Add(DetailsTrailer, bytes.ToArray());
        return trailers;
    }
}
