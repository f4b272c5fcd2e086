using System.Text.Json;
using Linux;
using Shim.Runsc;

namespace Shim.Oci;

/// <summary>A bundle's <c>config.json</c>: what the shim reads from it, and the little that it edits.</summary>
internal sealed class ContainerSpec
{
    private const string CriType = "io.kubernetes.cri.container-type";
    private const string CriName = "io.kubernetes.cri.container-name";
    internal const string CriSandbox = "io.kubernetes.cri.sandbox-id";
    private const string CriLogDirectory = "io.kubernetes.cri.sandbox-log-directory";
    private const string CrioType = "io.kubernetes.cri-o.ContainerType";
    internal const string CrioSandbox = "io.kubernetes.cri-o.SandboxID";

    private readonly byte[] _json;
    private readonly List<SpecMount> _writtenMounts;
    private readonly bool _hasTerminal;

    private ContainerSpec(byte[] json, JsonElement root)
    {
        _json = json;
        Annotations = ReadAnnotations(root);
        _writtenMounts = ReadMounts(root);
        Mounts = [.. _writtenMounts.ConvertAll(Absolute)];
        _hasTerminal = ProcessSpec.HasTerminal(root);
        if (!root.TryGetProperty("linux"u8, out JsonElement linux) || linux.ValueKind != JsonValueKind.Object)
            return;
        if (linux.TryGetProperty("cgroupsPath"u8, out JsonElement path) && path.ValueKind == JsonValueKind.String)
            CgroupsPath = path.GetString();
        RootPropagation = Text(linux, "rootfsPropagation");
        HasOwnPidNamespace = ReadOwnPidNamespace(linux);
        if (linux.TryGetProperty("resources"u8, out JsonElement resources))
            Resources = ResourcesJson.Of(resources);
    }

    /// <summary>Reads the specification.</summary>
    /// <exception cref="RefusedException">It is missing, or not an OCI specification.</exception>
    public static ContainerSpec Read(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"OCI specification {path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Parses the specification.</summary>
    /// <param name="json">The specification.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <exception cref="RefusedException">It is not an OCI specification.</exception>
    public static ContainerSpec Parse(byte[] json, string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new JsonException("not a JSON object");
            return new ContainerSpec(json, document.RootElement);
        }
        // InvalidOperationException: a string that is not valid Unicode. FormatException: a number that is too large.
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"{path} is not an OCI specification: {e.Message}", e);
        }
    }

    /// <summary>
    /// containerd's id of the sandbox that the container belongs to, if an annotation of CRI or CRI-O gives it; without
    /// one the container is its own sandbox.
    /// </summary>
    public string? SandboxId =>
        SandboxAnnotation is { Length: > 0 } id ? RunscId.ToContainerd(id) : null;

    /// <summary>All annotations.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; }

    /// <summary>All mounts. A relative destination is taken as below <c>/</c>, as the OCI specification says.</summary>
    public IReadOnlyList<SpecMount> Mounts { get; }

    /// <summary>The container's cgroup; null if it names none.</summary>
    public string? CgroupsPath { get; }

    /// <summary>The container's limits.</summary>
    public ResourceLimits Resources { get; } = new();

    /// <summary>The propagation of the root file system; empty if none is given.</summary>
    public string RootPropagation { get; } = "";

    /// <summary>
    /// Whether the container has its own PID namespace, so that its other processes end with its first one. A pod with
    /// <c>shareProcessNamespace</c> gives the path of the sandbox's namespace, one with <c>hostPID</c> lists none.
    /// </summary>
    public bool HasOwnPidNamespace { get; }

    /// <summary>Whether the container is the first one of a sandbox; false if it joins a sandbox.</summary>
    public bool IsSandbox => (Annotation(CriType) ?? Annotation(CrioType)) != "container";

    /// <summary>Whether the container belongs to a pod, as an annotation says.</summary>
    public bool IsOfPod => (Annotation(CriType) ?? Annotation(CrioType)) is not null;

    /// <summary>The container's name in its pod; empty if it has none, like a pod's sandbox.</summary>
    public string Name => Annotation(CriName) ?? "";

    /// <summary>
    /// The pod's Kubernetes namespace, as the CRI writes it; null if there is none. With annotations of both containerd
    /// and CRI-O one of them is a pod's own, and neither is believed.
    /// </summary>
    public string? Namespace => (Annotation(CriType), Annotation(CrioType)) switch
    {
        (not null, null) => Annotation("io.kubernetes.cri.sandbox-namespace"),
        (null, not null) => Annotation("io.kubernetes.cri-o.Namespace"),
        _ => null,
    };

    /// <summary>The pod's log directory on the node; null if there is none.</summary>
    public string? SandboxLogDirectory => Annotation(CriLogDirectory) is { Length: > 0 } path ? path : null;

    /// <summary>
    /// Whether the first process has a terminal; null: as the specification says. The flag of the request decides.
    /// </summary>
    public bool? Terminal { get; set; }

    /// <summary>The edits of this specification: at first those that make it as <see cref="Mounts"/> says.</summary>
    public SpecEdits BeginEdits()
    {
        var edits = new SpecEdits(Annotations, _writtenMounts);
        for (int i = 0; i < Mounts.Count; i++)
            edits.Replace(i, Mounts[i]);
        return edits;
    }

    /// <summary>Writes the edited specification atomically; if nothing changes it writes nothing.</summary>
    /// <exception cref="RefusedException">It has a name that is not valid Unicode.</exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged.</exception>
    public void Write(string path, SpecEdits edits)
    {
        if (!edits.IsEmpty || NewTerminal is not null)
            AtomicFile.Replace(path, Edited(path, edits).Span);
    }

    /// <summary>The edited specification.</summary>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="edits">The edits.</param>
    /// <exception cref="RefusedException">It has a name that is not valid Unicode.</exception>
    public ReadOnlyMemory<byte> Edited(string path, SpecEdits edits)
    {
        try
        {
            return SpecWriter.Write(_json, edits, NewTerminal);
        }
        catch (InvalidOperationException e)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"{path} is not an OCI specification: {e.Message}", e);
        }
    }

    private bool? NewTerminal => Terminal == _hasTerminal ? null : Terminal;

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
                : throw new JsonException($"annotation {annotation.Name.Short()} is not a string");
        return annotations;
    }

    private static bool ReadOwnPidNamespace(JsonElement linux)
    {
        if (linux.TryGetProperty("namespaces"u8, out JsonElement namespaces)
            && namespaces.ValueKind == JsonValueKind.Array)
            foreach (JsonElement each in namespaces.EnumerateArray())
                if (each.ValueKind == JsonValueKind.Object && Text(each, "type") == "pid")
                    return Text(each, "path").Length == 0;
        return false;
    }

    private static List<SpecMount> ReadMounts(JsonElement root)
    {
        List<SpecMount> mounts = [];
        if (!root.TryGetProperty("mounts"u8, out JsonElement array) || array.ValueKind == JsonValueKind.Null)
            return mounts;
        if (array.ValueKind != JsonValueKind.Array)
            throw new JsonException("mounts is not an array");
        foreach (JsonElement mount in array.EnumerateArray())
        {
            if (mount.ValueKind != JsonValueKind.Object)
                throw new JsonException("a mount is not an object");
            List<string> options = [];
            if (mount.TryGetProperty("options"u8, out JsonElement list) && list.ValueKind != JsonValueKind.Null)
                foreach (JsonElement option in list.EnumerateArray())
                    options.Add(option.GetString() ?? throw new JsonException("a mount's option is null"));
            mounts.Add(new SpecMount(Text(mount, "destination"), Text(mount, "type"), Text(mount, "source"), options));
        }
        return mounts;
    }

    /// <summary>runsc refuses a relative one. An empty one stays, and is refused.</summary>
    private static SpecMount Absolute(SpecMount mount) => mount.Destination is "" or ['/', ..] ? mount
        : mount with { Destination = $"/{mount.Destination}" };

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? value.GetString() ?? "" : "";

    private string? SandboxAnnotation => Annotation(CriSandbox) ?? Annotation(CrioSandbox);

    private string? Annotation(string name) => Annotations.GetValueOrDefault(name);
}
