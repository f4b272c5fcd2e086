using System.Buffers;
using System.Text.Json;
using Shim.Oci;

namespace Shim.Explain;

/// <summary>
/// A report as one JSON object for programs: <c>kept</c>, <c>decisions</c> as in <c>volumes.json</c>, <c>warnings</c>,
/// <c>mounts</c>, and <c>error</c>, which is null if nothing fails.
/// </summary>
internal static class ExplainJson
{
    /// <summary>The object in UTF-8, with a newline at the end.</summary>
    public static ReadOnlyMemory<byte> Of(ExplainReport report)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteBoolean("kept"u8, report.IsKept);
            json.WritePropertyName("decisions"u8);
            report.Decisions.Write(json);
            json.WriteStartArray("warnings"u8);
            foreach (string warning in report.Warnings)
                json.WriteStringValue(warning);
            json.WriteEndArray();
            json.WriteStartArray("mounts"u8);
            foreach (ExplainMount mount in report.Mounts)
                WriteMount(json, mount);
            json.WriteEndArray();
            json.WriteString("error"u8, report.Failure);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    /// <summary>
    /// Writes the mount as runsc sees it; <c>before</c> is only there if the mount changes, <c>removed</c> is true if
    /// runsc does not see it.
    /// </summary>
    private static void WriteMount(Utf8JsonWriter json, ExplainMount mount)
    {
        json.WriteStartObject();
        WriteFields(json, mount.After ?? mount.Before);
        json.WriteBoolean("removed"u8, mount.After is null);
        if (mount.After is not null && !mount.IsUnchanged)
        {
            json.WriteStartObject("before"u8);
            WriteFields(json, mount.Before);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, SpecMount mount)
    {
        json.WriteString("destination"u8, mount.Destination);
        SpecWriter.WriteSource(json, mount);
    }
}
