using System.Buffers;
using System.Text.Json;
using Linux;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>What the shim reads in a bundle's <c>config.json</c>, and the little that it writes there.</summary>
public sealed class ContainerSpec
{
    private const string CriType = "io.kubernetes.cri.container-type";
    private const string CriSandbox = "io.kubernetes.cri.sandbox-id";
    private const string CriLogDirectory = "io.kubernetes.cri.sandbox-log-directory";
    private const string CrioType = "io.kubernetes.cri-o.ContainerType";
    private const string CrioSandbox = "io.kubernetes.cri-o.SandboxID";

    private readonly byte[] _json;
    private readonly Dictionary<string, string> _annotations;

    private ContainerSpec(byte[] json, JsonElement root)
    {
        _json = json;
        _annotations = ReadAnnotations(root);
        if (root.TryGetProperty("linux"u8, out JsonElement linux) && linux.ValueKind == JsonValueKind.Object
            && linux.TryGetProperty("cgroupsPath"u8, out JsonElement path) && path.ValueKind == JsonValueKind.String)
            CgroupsPath = path.GetString();
    }

    /// <summary>Reads the specification.</summary>
    /// <exception cref="ContainerException">There is none, or it is not JSON of the right shape.</exception>
    public static ContainerSpec Read(Bundle bundle)
    {
        try
        {
            byte[] json = File.ReadAllBytes(bundle.Specification);
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new JsonException("it is not an object");
            return new ContainerSpec(json, document.RootElement);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException(
                Refusal.InvalidArgument, $"the bundle's specification cannot be read: {e.Message}", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter for text that is no UTF-8
        {
            throw new ContainerException(
                Refusal.InvalidArgument, $"the bundle's {bundle.Specification} is not an OCI specification: {e.Message}", e);
        }
    }

    /// <summary>
    /// The sandbox that the container belongs to, as containerd calls it, where an annotation of CRI or CRI-O says so;
    /// a container without one is a sandbox of its own.
    /// </summary>
    public string? SandboxId =>
        SandboxAnnotation is { Length: > 0 } id ? RunscId.ToContainerd(id) : null;

    /// <summary>The container's cgroup; null where none is named.</summary>
    public string? CgroupsPath { get; }

    /// <summary>Whether the container is the first of a sandbox, not one that joins another's.</summary>
    public bool IsSandbox => (Annotation(CriType) ?? Annotation(CrioType)) != "container";

    /// <summary>The pod's log directory on the node; null where there is none.</summary>
    public string? SandboxLogDirectory => Annotation(CriLogDirectory) is { Length: > 0 } path ? path : null;

    /// <summary>
    /// Makes runsc find the sandbox under the id that it has for runsc (<see cref="RunscId"/>). Where nothing has to
    /// change, nothing is written; else the file is replaced in one step, every other field as it was.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void WriteSandboxId(Bundle bundle)
    {
        if (SandboxId is not { } id || RunscId.For(id) == SandboxAnnotation)
            return;
        using JsonDocument document = JsonDocument.Parse(_json);
        var buffer = new ArrayBufferWriter<byte>(_json.Length + 64);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
                if (property.NameEquals("annotations"u8))
                    WriteAnnotations(writer, property.Value, RunscId.For(id));
                else
                    property.WriteTo(writer);
            writer.WriteEndObject();
        }
        AtomicFile.Replace(bundle.Specification, buffer.WrittenSpan);
    }

    private static void WriteAnnotations(Utf8JsonWriter writer, JsonElement annotations, string sandboxId)
    {
        writer.WriteStartObject("annotations"u8);
        foreach (JsonProperty annotation in annotations.EnumerateObject())
            if (annotation.Name is CriSandbox or CrioSandbox)
                writer.WriteString(annotation.Name, sandboxId);
            else
                annotation.WriteTo(writer);
        writer.WriteEndObject();
    }

    private static Dictionary<string, string> ReadAnnotations(JsonElement root)
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!root.TryGetProperty("annotations"u8, out JsonElement element) || element.ValueKind == JsonValueKind.Null)
            return annotations;
        if (element.ValueKind != JsonValueKind.Object)
            throw new JsonException("annotations is not an object");
        foreach (JsonProperty annotation in element.EnumerateObject())
            annotations[annotation.Name] = annotation.Value.ValueKind == JsonValueKind.String
                ? annotation.Value.GetString()!
                : throw new JsonException($"annotation {annotation.Name} is not a string");
        return annotations;
    }

    private string? SandboxAnnotation => Annotation(CriSandbox) ?? Annotation(CrioSandbox);

    private string? Annotation(string name) => _annotations.GetValueOrDefault(name);
}
