using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using Grpc.Core;

namespace Ttrpc.Wire;

/// <summary>
/// Converts between ttrpc's KeyValue messages and gRPC's <see cref="Metadata"/>. A key may be repeated. ttrpc has
/// strings only, so the value of a <c>-bin</c> key is sent as base64 without padding, as in gRPC's HTTP/2 headers;
/// padding is accepted.
/// </summary>
internal static class MetadataCodec
{
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
    /// Describes the first well-formed entry that gRPC's metadata cannot hold; null if there is none. Called before
    /// the handler runs, so that <see cref="Decode"/> cannot fail while it runs.
    /// </summary>
    public static string? FindFault(ReadOnlySpan<byte> entries)
    {
        var reader = new ProtoReader(entries);
        while (reader.TryReadBytes(out ReadOnlySpan<byte> entry)
            && TryParseEntry(entry, out ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value))
        {
            if (key.IsEmpty || key.ContainsAnyExcept(s_keyBytes))
                return $"invalid metadata key '{Encoding.UTF8.GetString(key)}': use letters, digits, '.', '_' and '-'";
            if (IsBinary(key) && !TryDecodeBase64(value, out _))
                return $"the value of metadata key '{Encoding.UTF8.GetString(key)}' is not base64";
        }

        return null;
    }

    /// <summary>Decodes entries that <see cref="FindFault"/> has accepted.</summary>
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

    /// <summary>Size in bytes of all entries as fields of a request.</summary>
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
            writer.WriteBytesPrefix(RequestEnvelope.MetadataField, EntrySize(entry));
            writer.WriteStringField(KeyField, entry.Key);
            writer.WriteStringField(ValueField, Text(entry));
        }
    }

    private static int EntrySize(Metadata.Entry entry) =>
        ProtoWriter.BytesFieldSize(entry.Key.Length) +
        ProtoWriter.BytesFieldSize(Encoding.UTF8.GetByteCount(Text(entry)));

    private static string Text(Metadata.Entry entry) =>
        entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes).TrimEnd('=') : entry.Value;

    // gRPC compares the suffix after converting the key to lower case.
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
