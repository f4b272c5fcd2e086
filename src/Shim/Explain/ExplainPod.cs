using System.Text.Json;

namespace Shim.Explain;

/// <summary>The pod that a user passes to <c>explain</c>.</summary>
/// <param name="Annotations">The pod's annotations.</param>
/// <param name="Uid">The pod's uid on its node; null if only annotations are given.</param>
internal sealed record ExplainPod(IReadOnlyDictionary<string, string> Annotations, string? Uid)
{
    // A static pod's uid on its node; the Pod that the API server shows is a mirror and has another uid.
    private const string Mirror = "kubernetes.io/config.mirror";

    /// <summary>
    /// Parses a JSON object of annotations, or a whole Pod as <c>kubectl get pod NAME -o json</c> prints it.
    /// </summary>
    /// <exception cref="JsonException">It is neither.</exception>
    public static ExplainPod Parse(ReadOnlyMemory<byte> utf8)
    {
        if (utf8.IsEmpty)
            throw new JsonException("empty");
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new JsonException("not a JSON object");
            if (root.TryGetProperty("items"u8, out JsonElement items) && items.ValueKind == JsonValueKind.Array)
                throw new JsonException("a list, not one Pod");
            return root.TryGetProperty("metadata"u8, out JsonElement metadata)
                && metadata.ValueKind == JsonValueKind.Object
                ? OfMetadata(metadata)
                : new ExplainPod(ReadAnnotations(root), null);
        }
        catch (InvalidOperationException e) // a string that is not valid Unicode
        {
            throw new JsonException(e.Message, e);
        }
    }

    private static ExplainPod OfMetadata(JsonElement metadata)
    {
        Dictionary<string, string> annotations =
            metadata.TryGetProperty("annotations"u8, out JsonElement element) && element.ValueKind != JsonValueKind.Null
                ? ReadAnnotations(element) : [];
        if (annotations.GetValueOrDefault(Mirror) is { } hash)
            return new ExplainPod(annotations, hash);
        return new ExplainPod(annotations,
            metadata.TryGetProperty("uid"u8, out JsonElement uid) && uid.ValueKind == JsonValueKind.String
                ? uid.GetString() : null);
    }

    private static Dictionary<string, string> ReadAnnotations(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new JsonException("annotations is not an object");
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty annotation in element.EnumerateObject())
            annotations[annotation.Name] = annotation.Value.ValueKind == JsonValueKind.String
                ? annotation.Value.GetString()!
                : throw new JsonException($"annotation {annotation.Name} is not a string");
        return annotations;
    }
}
