using System.Buffers;
using System.Text.Json;
using Linux;

namespace Shim.Volumes;

/// <summary>What was decided about the volumes of one pod, kept as long as its sandbox lives.</summary>
/// <remarks>
/// They are in the sandbox's bundle (<c>volumes.json</c>) as well, for the containers that another shim creates and for
/// whoever wants to know: <c>explain</c>.
/// </remarks>
internal sealed record VolumeDecisions
{
    private const int FormatVersion = 1;

    /// <summary>No pod, or no volumes.</summary>
    public static VolumeDecisions None { get; } = new() { PodUid = "", Directory = "", ResolvedDirectory = "", Volumes = [] };

    /// <summary>The pod; empty where it is not known.</summary>
    public required string PodUid { get; init; }

    /// <summary>The pod's directory below kubelet's; empty where it is not known.</summary>
    public required string Directory { get; init; }

    /// <summary>The same with every link above it resolved.</summary>
    public required string ResolvedDirectory { get; init; }

    /// <summary>A decision for each volume, by name.</summary>
    public required IReadOnlyList<VolumeDecision> Volumes { get; init; }

    /// <summary>The volume whose directory is at <paramref name="path"/>; null where there is none.</summary>
    public VolumeDecision? At(string path)
    {
        foreach (VolumeDecision decision in Volumes)
            if (IsAt(path, decision.Path))
                return decision;
        return null;
    }

    /// <summary>The volume of which <paramref name="path"/> is a part, as a mount with a subPath has it; or null.</summary>
    public VolumeDecision? Above(string path)
    {
        foreach (VolumeDecision decision in Volumes)
            if (IsBelow(path, decision.Path) || IsBelow(path, $"{Directory}/volume-subpaths/{decision.Volume}"))
                return decision;
        return null;
    }

    /// <summary>Whether <paramref name="path"/> is one of the pod's volumes, or a part of one.</summary>
    public bool IsOfPod(string path) =>
        Directory.Length > 0
        && (IsBelow(path, $"{Directory}/volumes") || IsBelow(path, $"{Directory}/volume-subpaths"));

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="VolumeException">There is no such file, it cannot be read, or it is torn.</exception>
    public static VolumeDecisions Load(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new VolumeException($"what was decided about the pod's volumes cannot be read from {path}: {e.Message}", e);
        }
    }

    /// <summary>Writes them, mode 0600, in one step.</summary>
    /// <exception cref="IOException">They cannot be written.</exception>
    public void Save(string path)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
            Write(json);
        AtomicFile.Replace(path, buffer.WrittenSpan);
    }

    /// <summary>Writes them as one JSON object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("version"u8, FormatVersion);
        json.WriteString("pod_uid"u8, PodUid);
        json.WriteString("directory"u8, Directory);
        json.WriteString("resolved_directory"u8, ResolvedDirectory);
        json.WriteStartArray("volumes"u8);
        foreach (VolumeDecision volume in Volumes)
        {
            json.WriteStartObject();
            json.WriteString("volume"u8, volume.Volume);
            json.WriteString("outcome"u8, volume.Outcome);
            json.WriteString("rule"u8, volume.RuleName);
            json.WriteString("why"u8, volume.Why);
            json.WriteString("path"u8, volume.Path);
            if (!volume.IsPassthrough)
                json.WriteString("options"u8, volume.Options);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="JsonException">It is something else, or of another version.</exception>
    /// <exception cref="KeyNotFoundException">A field is missing.</exception>
    /// <exception cref="InvalidOperationException">A field is of another type.</exception>
    public static VolumeDecisions Parse(ReadOnlyMemory<byte> utf8)
    {
        using JsonDocument document = JsonDocument.Parse(utf8);
        return Read(document.RootElement);
    }

    /// <inheritdoc cref="Parse"/>
    public static VolumeDecisions Read(JsonElement root)
    {
        if (root.GetProperty("version"u8).GetInt32() is var version && version != FormatVersion)
            throw new JsonException($"it is of version {version}, this shim knows version {FormatVersion}");
        var volumes = new List<VolumeDecision>(root.GetProperty("volumes"u8).GetArrayLength());
        foreach (JsonElement volume in root.GetProperty("volumes"u8).EnumerateArray())
        {
            (VolumeShare? share, VolumeMedium medium) = OutcomeOf(Text(volume, "outcome"));
            volumes.Add(new VolumeDecision
            {
                Volume = Text(volume, "volume"),
                Path = Text(volume, "path"),
                Share = share,
                Medium = medium,
                Options = share is null ? "" : Text(volume, "options"),
                Rule = RuleOf(Text(volume, "rule")),
                Why = Text(volume, "why"),
            });
        }
        return new VolumeDecisions
        {
            PodUid = Text(root, "pod_uid"),
            Directory = Text(root, "directory"),
            ResolvedDirectory = Text(root, "resolved_directory"),
            Volumes = volumes,
        };
    }

    private static string Text(JsonElement element, string name) =>
        element.GetProperty(name).GetString() ?? throw new JsonException($"{name} is null");

    private static (VolumeShare? Share, VolumeMedium Medium) OutcomeOf(string name) => name switch
    {
        "passthrough" => (null, VolumeMedium.Disk),
        "pod-disk" => (VolumeShare.Pod, VolumeMedium.Disk),
        "pod-memory" => (VolumeShare.Pod, VolumeMedium.Memory),
        "container-disk" => (VolumeShare.Container, VolumeMedium.Disk),
        "container-memory" => (VolumeShare.Container, VolumeMedium.Memory),
        _ => throw new JsonException($"outcome {name} is unknown"),
    };

    private static VolumeRule RuleOf(string name)
    {
        foreach (VolumeRule rule in Enum.GetValues<VolumeRule>())
            if (VolumeDecision.NameOf(rule) == name)
                return rule;
        throw new JsonException($"rule {name} is unknown");
    }

    // A path of the pod may be written through the links above it or without them.
    private bool IsAt(string path, string place) =>
        Same(path, place) || (Resolved(place) is { } resolved && Same(path, resolved));

    private bool IsBelow(string path, string place) =>
        Below(path, place) || (Resolved(place) is { } resolved && Below(path, resolved));

    private string? Resolved(string place) =>
        Directory.Length > 0 && Directory != ResolvedDirectory && Below(place, Directory)
            ? ResolvedDirectory + place[Directory.Length..]
            : null;

    private static bool Same(string path, string place) => path.AsSpan().TrimEnd('/').SequenceEqual(place);

    private static bool Below(string path, string place) =>
        path.Length > place.Length + 1 && path[place.Length] == '/' && path.StartsWith(place, StringComparison.Ordinal);
}
