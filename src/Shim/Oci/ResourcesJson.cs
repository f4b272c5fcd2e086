using System.Text.Json;
using Linux;

namespace Shim.Oci;

/// <summary>Reads OCI LinuxResources: of a specification, or of an Update request.</summary>
internal static class ResourcesJson
{
    /// <summary>Parses the limits that the shim applies.</summary>
    /// <exception cref="RefusedException">The JSON is not valid.</exception>
    public static ResourceLimits Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Of(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"resources are not valid OCI LinuxResources: {e.Message}", e);
        }
    }

    /// <summary>Reads the limits that the shim applies.</summary>
    /// <exception cref="InvalidOperationException">A value has another type.</exception>
    /// <exception cref="FormatException">A number is too large.</exception>
    public static ResourceLimits Of(JsonElement resources)
    {
        JsonElement? root = OrNone(resources);
        JsonElement? cpu = Child(root, "cpu"), memory = Child(root, "memory"), unified = Child(root, "unified");
        var limits = new ResourceLimits
        {
            CpuShares = Unsigned(cpu, "shares"),
            CpuQuota = Number(cpu, "quota"),
            CpuPeriod = Unsigned(cpu, "period"),
            CpusetCpus = Text(cpu, "cpus"),
            CpusetMems = Text(cpu, "mems"),
            Memory = Number(memory, "limit"),
            MemorySwap = Number(memory, "swap"),
            Pids = Number(Child(root, "pids"), "limit"),
        };
        return unified is null ? limits : limits with { Unified = Strings(unified) };
    }

    // A missing or null limit is left unchanged; the getters below throw on a value of another type.
    private static JsonElement? Child(JsonElement? of, string name) =>
        of is { } parent && parent.TryGetProperty(name, out JsonElement child) ? OrNone(child) : null;

    private static JsonElement? OrNone(JsonElement element) => element.ValueKind == JsonValueKind.Null ? null : element;

    private static long? Number(JsonElement? of, string name) => Child(of, name)?.GetInt64();

    private static ulong? Unsigned(JsonElement? of, string name) => Child(of, name)?.GetUInt64();

    private static string? Text(JsonElement? of, string name) => Child(of, name)?.GetString();

    private static Dictionary<string, string> Strings(JsonElement? of)
    {
        var strings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (of is { } map)
            foreach (JsonProperty property in map.EnumerateObject())
                strings[property.Name] = property.Value.GetString() ?? "";
        return strings;
    }
}
