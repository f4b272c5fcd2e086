using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Shim.Oci;

/// <summary>The OCI process of a specification or of an Exec request, as far as its terminal is concerned.</summary>
/// <remarks>runsc, written in Go, takes names in any case.</remarks>
internal static class ProcessSpec
{
    /// <summary>Whether a property of a specification is its process.</summary>
    public static bool IsIn(JsonProperty property) =>
        property.Name.Equals("process", StringComparison.OrdinalIgnoreCase)
        && property.Value.ValueKind == JsonValueKind.Object;

    /// <summary>Whether the process of a specification has a terminal.</summary>
    public static bool HasTerminal(JsonElement spec)
    {
        bool terminal = false;
        foreach (JsonProperty property in spec.EnumerateObject())
            if (IsIn(property))
                foreach (JsonProperty each in property.Value.EnumerateObject())
                    if (IsTerminal(each))
                        terminal = each.Value.ValueKind == JsonValueKind.True;
        return terminal;
    }

    /// <summary>
    /// The process with the terminal flag of the request, which decides: a client may send a process that says
    /// otherwise, and its output would be lost.
    /// </summary>
    /// <param name="json">The process.</param>
    /// <param name="terminal">The request's flag.</param>
    /// <exception cref="RefusedException">It is not a JSON object.</exception>
    public static ReadOnlyMemory<byte> WithTerminal(ReadOnlyMemory<byte> json, bool terminal)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            var buffer = new ArrayBufferWriter<byte>(json.Length + 32);
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
                WriteWithTerminal(writer, document.RootElement, terminal);
            return buffer.WrittenMemory;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"the exec's specification is not a valid OCI process: {e.Message}", e);
        }
    }

    /// <summary>Writes a process with another terminal flag. Other values stay the same, byte for byte.</summary>
    /// <exception cref="InvalidOperationException">It is not a JSON object.</exception>
    public static void WriteWithTerminal(Utf8JsonWriter writer, JsonElement process, bool terminal)
    {
        writer.WriteStartObject();
        foreach (JsonProperty property in process.EnumerateObject())
            if (!IsTerminal(property))
            {
                writer.WritePropertyName(property.Name);
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(property.Value), skipInputValidation: true);
            }
        if (terminal)
            writer.WriteBoolean("terminal"u8, true);
        writer.WriteEndObject();
    }

    private static bool IsTerminal(JsonProperty property) =>
        property.Name.Equals("terminal", StringComparison.OrdinalIgnoreCase);
}
