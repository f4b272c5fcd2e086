using System.Buffers;
using System.Text.Json;
using Linux;

namespace Shim.Volumes;

/// <summary>The decisions about the volumes of one pod, kept as long as its sandbox exists.</summary>
/// <remarks>
/// They are also in the sandbox's bundle (<c>volumes.json</c>), for containers that another shim creates and for
/// <c>explain</c>.
/// </remarks>
internal sealed record VolumeDecisions
{
    private const int FormatVersion = 1;

    /// <summary>No decisions, because the pod is not known.</summary>
    public static VolumeDecisions None { get; } =
        new() { PodUid = "", Directory = "", ResolvedDirectory = "", Volumes = [] };

    /// <summary>The pod's uid; empty if it is not known.</summary>
    public required string PodUid { get; init; }

    /// <summary>The pod's directory below kubelet's; empty if it is not known.</summary>
    public required string Directory { get; init; }

    /// <summary>The same with all links resolved.</summary>
    public required string ResolvedDirectory { get; init; }

    /// <summary>One decision for each volume, sorted by name.</summary>
    public required IReadOnlyList<VolumeDecision> Volumes { get; init; }

    /// <summary>The volume whose directory is <paramref name="path"/>; null if there is none.</summary>
    public VolumeDecision? At(string path)
    {
        foreach (VolumeDecision decision in Volumes)
            if (IsAt(path, decision.Path))
                return decision;
        return null;
    }

    /// <summary>
    /// The volume that <paramref name="path"/> is inside of, as the source of a mount with a subPath is; null if there
    /// is none.
    /// </summary>
    public VolumeDecision? Above(string path)
    {
        foreach (VolumeDecision decision in Volumes)
            if (IsBelow(path, decision.Path) || IsSubPath(path, Directory, decision.Volume)
                || IsSubPath(path, ResolvedDirectory, decision.Volume))
                return decision;
        return null;
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="VolumeException">The file is missing, cannot be read, or is not valid.</exception>
    public static VolumeDecisions Load(string path)
    {
        try
        {
            return Parse(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException
            or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new VolumeException($"decisions about volumes cannot be read from {path}: {e.Message}", e);
        }
    }

    /// <summary>Writes them to a file with mode 0600, atomically.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
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
    /// <exception cref="JsonException">It is not valid, or of another version.</exception>
    /// <exception cref="KeyNotFoundException">A field is missing.</exception>
    /// <exception cref="InvalidOperationException">A field has the wrong type.</exception>
    public static VolumeDecisions Parse(ReadOnlyMemory<byte> utf8)
    {
        using JsonDocument document = JsonDocument.Parse(utf8);
        return Read(document.RootElement);
    }

    /// <inheritdoc cref="Parse"/>
    public static VolumeDecisions Read(JsonElement root)
    {
        if (root.GetProperty("version"u8).GetInt32() is var version && version != FormatVersion)
            throw new JsonException($"version {version} is not supported, only version {FormatVersion}");
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
        _ => throw new JsonException($"unknown outcome {name}"),
    };

    private static VolumeRule RuleOf(string name)
    {
        foreach (VolumeRule rule in Enum.GetValues<VolumeRule>())
            if (VolumeDecision.NameOf(rule) == name)
                return rule;
        throw new JsonException($"unknown rule {name}");
    }

    // A path of the pod may contain the links above the pod's directory, or have them resolved. Nothing is allocated: a
    // pod may have thousands of volumes, and as many mounts are compared with them.
    private bool IsAt(string path, string place) =>
        Same(path, place) || (IsResolved(path, place) && Same(path.AsSpan(ResolvedDirectory.Length), InPod(place)));

    private bool IsBelow(string path, string place) =>
        Below(path, place) || (IsResolved(path, place) && Below(path.AsSpan(ResolvedDirectory.Length), InPod(place)));

    private bool IsResolved(string path, string place) =>
        Directory.Length > 0 && Below(place, Directory) && path.StartsWith(ResolvedDirectory, StringComparison.Ordinal);

    private ReadOnlySpan<char> InPod(string place) => place.AsSpan(Directory.Length);

    private static bool IsSubPath(string path, string directory, string volume)
    {
        const string SubPaths = "/volume-subpaths/";
        return directory.Length > 0 && path.StartsWith(directory, StringComparison.Ordinal)
            && path.AsSpan(directory.Length) is var rest && rest.StartsWith(SubPaths)
            && Below(rest[SubPaths.Length..], volume);
    }

    private static bool Same(ReadOnlySpan<char> path, ReadOnlySpan<char> place) =>
        path.TrimEnd('/').SequenceEqual(place);

    private static bool Below(ReadOnlySpan<char> path, ReadOnlySpan<char> place) =>
        path.Length > place.Length + 1 && path[place.Length] == '/' && path.StartsWith(place);
}
