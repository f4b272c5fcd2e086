using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;

namespace Shim.Checkpoints;

/// <summary>What runsc writes in front of a sandbox's state.</summary>
/// <remarks>
/// <code>
///  0        8                16
///  +--------+----------------+----------------------+----
///  |gVisorSF| length, 64 bit | JSON object of texts | …
///  |        | big-endian     | {"container_count":… |
///  +--------+----------------+----------------------+----
/// </code>
/// As seen in images of runsc 20240729 and in the sources of mid-2026; newer ones add "runsc_version", and then insist
/// on it.
/// </remarks>
/// <param name="ContainerCount">How many containers the sandbox had; null where it does not say.</param>
/// <param name="RunscVersion">The runsc that wrote it, where only the same one restores it; else null.</param>
internal readonly record struct ImageHeader(int? ContainerCount, string? RunscVersion)
{
    /// <summary>The bytes before the JSON object.</summary>
    public const int PrefixBytes = 16;

    /// <summary>The longest object that is read: it holds the containers' specifications in newer images.</summary>
    public const int LongestObject = 16 << 20;

    private static ReadOnlySpan<byte> Magic => "gVisorSF"u8;

    /// <summary>The length of the JSON object, or null where the file is no image of runsc's.</summary>
    /// <param name="prefix">The first <see cref="PrefixBytes"/> of the file, or all of it where it has fewer.</param>
    public static int? LengthOfObject(ReadOnlySpan<byte> prefix)
    {
        if (prefix.Length < PrefixBytes || !prefix.StartsWith(Magic))
            return null;
        ulong length = BinaryPrimitives.ReadUInt64BigEndian(prefix[Magic.Length..]);
        return length <= LongestObject ? (int)length : null;
    }

    /// <summary>Reads the JSON object; null where it is none.</summary>
    public static ImageHeader? Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            return new ImageHeader(
                Text(root, "container_count") is { } count
                    && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int containers)
                    ? containers : null,
                Text(root, "runsc_version"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
