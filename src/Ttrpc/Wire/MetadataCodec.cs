using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Metadata between ttrpc's KeyValue messages and gRPC's <see cref="Metadata"/>. A key may come many times. ttrpc
/// knows strings only, so the bytes of a <c>-bin</c> key travel as base64 without padding, as gRPC writes them into
/// HTTP/2 headers; padding is accepted.
/// </summary>
internal static class MetadataCodec
{
    /// <summary>The field of <c>ttrpc.Request</c> that holds metadata.</summary>
    public const int RequestField = 5;

    private const int KeyField = 1;
    private const int ValueField = 2;

    private static readonly SearchValues<byte> s_keyBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"u8);

    /// <summary>Reads one KeyValue; false if it is malformed.</summary>
    public static bool TryParseEntry(ReadOnlySpan<byte> entry, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        key = default;
        value = default;
        var reader = new ProtoReader(entry);
        while (!reader.AtEnd)
        {
            if (!reader.TryReadTag(out int field, out WireType type))
                return false;
            if (field is not (KeyField or ValueField))
            {
                if (!reader.TrySkip(type))
                    return false;
                continue;
            }

            if (type != WireType.Bytes || !reader.TryReadBytes(out ReadOnlySpan<byte> bytes) || !Utf8.IsValid(bytes))
                return false;
            if (field == KeyField)
                key = bytes;
            else
                value = bytes;
        }

        return true;
    }

    /// <summary>
    /// What in well-formed entries gRPC's metadata could not hold, in words; null if nothing. Asked before the
    /// handler runs, so that <see cref="Decode"/> cannot fail in the middle of it.
    /// </summary>
    public static string? FindFault(ReadOnlySpan<byte> entries)
    {
        var reader = new ProtoReader(entries);
        while (reader.TryReadBytes(out ReadOnlySpan<byte> entry)
            && TryParseEntry(entry, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
        {
            if (key.IsEmpty || key.ContainsAnyExcept(s_keyBytes))
                return $"metadata key '{Encoding.UTF8.GetString(key)}' is not made of letters, digits, '.', '_' and '-'";
            if (IsBinary(key) && !TryDecodeBase64(value, out _))
                return $"the value of binary metadata key '{Encoding.UTF8.GetString(key)}' is not base64";
        }

        return null;
    }

    /// <summary>Builds metadata of entries that <see cref="FindFault"/> has passed.</summary>
    public static Metadata Decode(ReadOnlySpan<byte> entries)
    {
        var metadata = new Metadata();
        var reader = new ProtoReader(entries);
        while (reader.TryReadBytes(out ReadOnlySpan<byte> entry)
            && TryParseEntry(entry, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
        {
            string name = Encoding.ASCII.GetString(key);
            if (IsBinary(key) && TryDecodeBase64(value, out byte[] bytes))
                metadata.Add(name, bytes);
            else
                metadata.Add(name, Encoding.UTF8.GetString(value));
        }

        return metadata;
    }

    /// <summary>Bytes of all entries as fields of a request.</summary>
    public static int Size(Metadata metadata)
    {
        int size = 0;
        foreach (Metadata.Entry entry in metadata)
            size += ProtoWriter.BytesFieldSize(EntrySize(entry));
        return size;
    }

    /// <summary>Writes all entries as fields of a request.</summary>
    public static void Write(ref ProtoWriter writer, Metadata metadata)
    {
        foreach (Metadata.Entry entry in metadata)
        {
            writer.WriteBytesPrefix(RequestField, EntrySize(entry));
            writer.WriteStringField(KeyField, entry.Key, entry.Key.Length);
            string value = Text(entry);
            writer.WriteStringField(ValueField, value, Encoding.UTF8.GetByteCount(value));
        }
    }

    private static int EntrySize(Metadata.Entry entry) =>
        ProtoWriter.BytesFieldSize(entry.Key.Length) +
        ProtoWriter.BytesFieldSize(Encoding.UTF8.GetByteCount(Text(entry)));

    private static string Text(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    // gRPC compares the suffix after lowering the key.
    private static bool IsBinary(ReadOnlySpan<byte> key) =>
        key.Length >= 4 && Ascii.EqualsIgnoreCase(key[^4..], "-bin"u8);

    private static bool TryDecodeBase64(ReadOnlySpan<byte> text, out byte[] bytes)
    {
        text = text.TrimEnd((byte)'=');
        byte[] padded = new byte[(text.Length + 3) / 4 * 4];
        padded.AsSpan().Fill((byte)'=');
        text.CopyTo(padded);
        OperationStatus status = Base64.DecodeFromUtf8InPlace(padded, out int length);
        bytes = status == OperationStatus.Done ? padded[..length] : [];
        return status == OperationStatus.Done;
    }
}
