using System.Buffers;
using System.Text.Json;
using Shim.Volumes;

namespace Shim.Checkpoints;

/// <summary>
/// What the shim adds to an image for the restore: the containers in it and their order, the decisions about the pod's
/// volumes, and the version of runsc that wrote it.
/// </summary>
/// <remarks>An image that runsc wrote by hand has none, and is restored as far as runsc allows.</remarks>
internal sealed record CheckpointRecord
{
    /// <summary>The largest record that is read, in bytes.</summary>
    public const int Limit = 4 << 20;

    private const int FormatVersion = 1;

    /// <summary>The version of runsc that wrote the image; empty if it was not known.</summary>
    public required string RunscVersion { get; init; }

    /// <summary>
    /// The containers' names in the order of their creation, the sandbox's own first; a container without a name has an
    /// empty one.
    /// </summary>
    public required IReadOnlyList<string> Containers { get; init; }

    /// <summary>The pod's Kubernetes namespace; empty if it had none.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>The pod's uid; empty if it had none.</summary>
    public string PodUid { get; init; } = "";

    /// <summary>The decisions about the pod's volumes; null if there were none to make.</summary>
    public VolumeDecisions? Volumes { get; init; }

    /// <summary>
    /// Whether the containers must be restored in this order: only then does runsc find those without a name, and the
    /// file of a volume on disk that they share.
    /// </summary>
    public bool IsOrdered
    {
        get
        {
            for (int i = 1; i < Containers.Count; i++)
                if (Containers[i].Length == 0)
                    return true;
            foreach (VolumeDecision volume in Volumes?.Volumes ?? [])
                if (volume is { IsPassthrough: false, Medium: VolumeMedium.Disk })
                    return true;
            return false;
        }
    }

    /// <summary>The file's content.</summary>
    public ReadOnlyMemory<byte> ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, FormatVersion);
            json.WriteString("runsc_version"u8, RunscVersion);
            if (Namespace.Length > 0)
                json.WriteString("namespace"u8, Namespace);
            if (PodUid.Length > 0)
                json.WriteString("pod_uid"u8, PodUid);
            json.WriteStartArray("containers"u8);
            foreach (string name in Containers)
                json.WriteStringValue(name);
            json.WriteEndArray();
            if (Volumes is not null)
            {
                json.WritePropertyName("volumes"u8);
                Volumes.Write(json);
            }
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    /// <summary>Parses what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="FormatException">It is not valid, or of another version.</exception>
    public static CheckpointRecord Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8);
            JsonElement root = document.RootElement;
            if (root.GetProperty("version"u8).GetInt32() is var version && version != FormatVersion)
                throw new FormatException($"version {version} is not supported, only version {FormatVersion}");
            var containers = new List<string>();
            foreach (JsonElement name in root.GetProperty("containers"u8).EnumerateArray())
                containers.Add(name.GetString() ?? throw new FormatException("a container's name is null"));
            if (containers.Count == 0)
                throw new FormatException("it names no container");
            return new CheckpointRecord
            {
                RunscVersion = root.GetProperty("runsc_version"u8).GetString() ?? "",
                Containers = containers,
                Namespace = Optional(root, "namespace"),
                PodUid = Optional(root, "pod_uid"),
                Volumes = root.TryGetProperty("volumes"u8, out JsonElement volumes)
                    ? VolumeDecisions.Read(volumes) : null,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException(e.Message, e);
        }
    }

    /// <summary>Rejects the restore of a pod in another Kubernetes namespace.</summary>
    /// <param name="image">The image's path, for messages.</param>
    /// <param name="podNamespace">The namespace of the pod that is to be restored; null if it has none.</param>
    /// <exception cref="CheckpointException">The image is of another namespace.</exception>
    public void RequireNamespace(string image, string? podNamespace)
    {
        if (Namespace.Length > 0 && Namespace != podNamespace)
            throw new CheckpointException(CheckpointFault.DoesNotFit,
                $"image {image.Short()} is of a pod in namespace {Namespace.Short()}, and this pod is in "
                + $"{(podNamespace is { Length: > 0 } ? $"namespace {podNamespace.Short()}" : "none")}; "
                + "restore_across_namespaces = true in the shim's configuration allows that");
    }

    private static string Optional(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";
}
