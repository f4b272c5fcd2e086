using System.Text;
using System.Text.Unicode;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// <c>google.rpc.Status</c> between the wire and gRPC's <see cref="Status"/>. The details, which that type has no
/// place for, stand in the trailer <c>grpc-status-details-bin</c> as a whole <c>google.rpc.Status</c>: there
/// grpc-dotnet's users put them and look for them.
/// </summary>
internal static class StatusCodec
{
    /// <summary>The trailer that holds a status with its details.</summary>
    public const string DetailsTrailer = "grpc-status-details-bin";

    private const int CodeField = 1;
    private const int MessageField = 2;
    private const int DetailsField = 3;

    /// <summary>
    /// Reads a status; false if it is malformed. <paramref name="detailsLength"/> counts the bytes of its detail
    /// fields, tags included. A code that gRPC does not know becomes UNKNOWN.
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

    /// <summary>Bytes of a status with a message of so many bytes and these detail fields.</summary>
    public static int Size(StatusCode code, int messageLength, int detailsLength) =>
        (code == 0 ? 0 : 1 + ProtoWriter.VarintSize((ulong)code)) +
        (messageLength == 0 ? 0 : ProtoWriter.BytesFieldSize(messageLength)) +
        detailsLength;

    /// <summary>
    /// Writes a status. <paramref name="detailed"/> is empty or a well-formed status whose detail fields are copied.
    /// </summary>
    public static void Write(ref ProtoWriter writer, Status status, int messageLength, ReadOnlySpan<byte> detailed)
    {
        if (status.StatusCode != 0)
            writer.WriteVarintField(CodeField, (ulong)status.StatusCode);
        if (messageLength != 0)
            writer.WriteStringField(MessageField, status.Detail, messageLength);

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

    /// <summary>The trailers of a received status: the status as it came if it has details, else nothing.</summary>
    public static Metadata Trailers(ReadOnlySpan<byte> bytes, int detailsLength)
    {
        var trailers = new Metadata();
        if (detailsLength > 0)
            trailers.Add(DetailsTrailer, bytes.ToArray());
        return trailers;
    }
}
