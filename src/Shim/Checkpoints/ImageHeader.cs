using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace Shim.Checkpoints;

/// <summary>The header that runsc writes before a sandbox's state.</summary>
/// <remarks>
/// <code>
///  0        8                16
///  +--------+----------------+----------------------+----
///  |gVisorSF| length, 64 bit | JSON object whose    | …
///  |        | big-endian     | values are strings   |
///  +--------+----------------+----------------------+----
/// </code>
/// As seen in images of runsc 20240729 and in the sources of mid-2026. Newer releases add "runsc_version", and restore
/// only images with their own version.
/// </remarks>
/// <param name="ContainerCount">The number of containers in the sandbox; null if the header does not give it.</param>
/// <param name="RunscVersion">The only version of runsc that restores the image; null if any does.</param>
internal readonly record struct ImageHeader(int? ContainerCount, string? RunscVersion)
{
    /// <summary>The number of bytes before the JSON object.</summary>
    public const int PrefixBytes = 16;

    private const int LongestObject = 16 << 20; // in newer images it holds the containers' specifications

    private static ReadOnlySpan<byte> Magic => "gVisorSF"u8;

    /// <summary>The length of the JSON object in bytes; null if the file is not an image of runsc.</summary>
    /// <param name="prefix">The first <see cref="PrefixBytes"/> of the file, or all of it if it is shorter.</param>
    public static int? LengthOfObject(ReadOnlySpan<byte> prefix)
    {
        if (prefix.Length < PrefixBytes || !prefix.StartsWith(Magic))
            return null;
        ulong length = BinaryPrimitives.ReadUInt64BigEndian(prefix[Magic.Length..]);
        return length <= LongestObject ? (int)length : null;
    }

    /// <summary>Parses the JSON object; null if it is not one.</summary>
    public static ImageHeader? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            // Not a document in memory, which is many times as long as the text.
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return null;
            string? count = null, version = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                if (reader.ValueTextEquals("container_count"u8))
                    count = Text(ref reader);
                else if (reader.ValueTextEquals("runsc_version"u8))
                    version = Text(ref reader);
                else
                    reader.Skip();
            if (reader.Read())
                return null; // something follows the object
            return new ImageHeader(
                int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int containers)
                    ? containers : null,
                version);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
            return reader.GetString();
        reader.Skip();
        return null;
    }
}
