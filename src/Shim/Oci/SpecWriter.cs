using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Shim.Oci;

/// <summary>Writes a specification with edits. Values that are not edited stay the same, byte for byte.</summary>
internal static class SpecWriter
{
    /// <summary>The specification <paramref name="json"/> with <paramref name="edits"/>.</summary>
    /// <param name="json">The specification.</param>
    /// <param name="edits">The edits of its annotations and mounts.</param>
    /// <param name="terminal">Whether the process has a terminal; null: unchanged.</param>
    public static ReadOnlyMemory<byte> Write(byte[] json, SpecEdits edits, bool? terminal = null)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        var buffer = new ArrayBufferWriter<byte>(json.Length + 1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            bool annotated = edits.Annotations.Count == 0;
            writer.WriteStartObject();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
                if (edits.Annotations.Count > 0 && property.NameEquals("annotations"u8))
                {
                    WriteAnnotations(writer, property.Value, edits.Annotations);
                    annotated = true;
                }
                else if (edits.Mounts.Count > 0 && property.NameEquals("mounts"u8))
                    WriteMounts(writer, property.Value, edits.Mounts);
                else if (edits.RootPropagation is { } propagation && property.NameEquals("linux"u8))
                    WriteLinux(writer, property.Value, propagation);
                else if (terminal is { } wanted && ProcessSpec.IsIn(property))
                {
                    writer.WritePropertyName(property.Name);
                    ProcessSpec.WriteWithTerminal(writer, property.Value, wanted);
                }
                else
                    WriteRaw(writer, property);
            if (!annotated)
                WriteAnnotations(writer, default, edits.Annotations);
            writer.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    private static void WriteAnnotations(
        Utf8JsonWriter writer, JsonElement annotations, IReadOnlyDictionary<string, string?> edits)
    {
        var added = new SortedSet<string>(edits.Keys, StringComparer.Ordinal);
        writer.WriteStartObject("annotations"u8);
        if (annotations.ValueKind == JsonValueKind.Object)
            foreach (JsonProperty annotation in annotations.EnumerateObject())
            {
                added.Remove(annotation.Name);
                if (!edits.TryGetValue(annotation.Name, out string? value))
                    WriteRaw(writer, annotation);
                else if (value is not null)
                    writer.WriteString(annotation.Name, value);
            }
        foreach (string name in added)
            if (edits[name] is { } value)
                writer.WriteString(name, value);
        writer.WriteEndObject();
    }

    private static void WriteLinux(Utf8JsonWriter writer, JsonElement linux, string rootPropagation)
    {
        writer.WriteStartObject("linux"u8);
        foreach (JsonProperty property in linux.EnumerateObject())
            if (!property.NameEquals("rootfsPropagation"u8))
                WriteRaw(writer, property);
        writer.WriteString("rootfsPropagation"u8, rootPropagation);
        writer.WriteEndObject();
    }

    private static void WriteMounts(
        Utf8JsonWriter writer, JsonElement mounts, IReadOnlyDictionary<int, SpecMount?> edits)
    {
        writer.WriteStartArray("mounts"u8);
        int i = 0;
        foreach (JsonElement mount in mounts.EnumerateArray())
            if (!edits.TryGetValue(i++, out SpecMount? edited))
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(mount), skipInputValidation: true);
            else if (edited is not null)
                WriteMount(writer, mount, edited);
        writer.WriteEndArray();
    }

    private static void WriteMount(Utf8JsonWriter writer, JsonElement mount, SpecMount edited)
    {
        writer.WriteStartObject();
        foreach (JsonProperty property in mount.EnumerateObject())
            if (property.NameEquals("destination"u8) && !property.Value.ValueEquals(edited.Destination))
                writer.WriteString("destination"u8, edited.Destination);
            else if (!property.NameEquals("type"u8) && !property.NameEquals("source"u8)
                && !property.NameEquals("options"u8))
                WriteRaw(writer, property);
        WriteSource(writer, edited);
        writer.WriteEndObject();
    }

    /// <summary>Writes what is mounted: the properties of a mount but its destination.</summary>
    public static void WriteSource(Utf8JsonWriter writer, SpecMount mount)
    {
        writer.WriteString("type"u8, mount.Type);
        writer.WriteString("source"u8, mount.Source);
        writer.WriteStartArray("options"u8);
        foreach (string option in mount.Options)
            writer.WriteStringValue(option);
        writer.WriteEndArray();
    }

    private static void WriteRaw(Utf8JsonWriter writer, JsonProperty property)
    {
        writer.WritePropertyName(property.Name);
        writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(property.Value), skipInputValidation: true);
    }
}
