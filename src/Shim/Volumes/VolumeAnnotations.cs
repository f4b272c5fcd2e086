namespace Shim.Volumes;

/// <summary>What a pod's annotations ask for its volumes.</summary>
/// <remarks>
/// Hints are runsc's own annotations, <c>dev.gvisor.spec.mount.NAME.FIELD</c>; what runsc would ignore in silence is an
/// error here. <c>dev.gvisor.empty-dir.NAME.force-shared</c> and <c>.medium</c> are the shim's. They come from whoever
/// made the pod.
/// </remarks>
internal sealed class VolumeAnnotations
{
    /// <summary>How every hint begins.</summary>
    public const string HintPrefix = "dev.gvisor.spec.mount.";

    /// <summary>How every annotation about an emptyDir begins.</summary>
    public const string EmptyDirPrefix = "dev.gvisor.empty-dir.";

    private const int LongestName = 63; // of a volume, in Kubernetes

    private readonly SortedDictionary<string, VolumeRequest> _requests = new(StringComparer.Ordinal);
    private readonly List<string> _warnings = [];

    private VolumeAnnotations()
    {
    }

    /// <summary>What is asked, in the order of the volumes' names.</summary>
    public IReadOnlyCollection<VolumeRequest> Requests => _requests.Values;

    /// <summary>What is not taken as it is written, a sentence each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>What is asked for a volume; null for nothing.</summary>
    public VolumeRequest? Find(string volume) => _requests.GetValueOrDefault(volume);

    /// <summary>Reads them.</summary>
    /// <exception cref="VolumeException">An annotation cannot be meant as it is written.</exception>
    public static VolumeAnnotations Parse(IReadOnlyDictionary<string, string> annotations)
    {
        var parsed = new VolumeAnnotations();
        // In order, so that the same annotations always give the same first error.
        List<string>? names = null;
        foreach (string name in annotations.Keys)
            if (name.StartsWith(HintPrefix, StringComparison.Ordinal) || name.StartsWith(EmptyDirPrefix, StringComparison.Ordinal))
                (names ??= []).Add(name);
        if (names is null)
            return parsed;
        names.Sort(StringComparer.Ordinal);
        foreach (string name in names)
            if (name.StartsWith(HintPrefix, StringComparison.Ordinal))
                parsed.AddHint(name, annotations[name]);
            else
                parsed.AddEmptyDir(name, annotations[name]);
        parsed.RequireDistinctSources();
        return parsed;
    }

    /// <summary>Whether annotations can be about a volume of this name; the shim's own hint is nobody's volume.</summary>
    public static bool CanName(string volume) => IsName(volume) && volume != SharedMemory.HintName;

    /// <summary>The name of a hint.</summary>
    public static string Hint(string volume, string field) => $"{HintPrefix}{volume}.{field}";

    /// <summary>The name of an annotation about an emptyDir.</summary>
    public static string EmptyDir(string volume, string field) => $"{EmptyDirPrefix}{volume}.{field}";

    private void AddHint(string annotation, string value)
    {
        (string volume, string field) = Split(annotation, HintPrefix);
        // Ours: the sandbox's shared memory, see SharedMemory.
        if (volume == SharedMemory.HintName)
            return;
        VolumeRequest request = Of(volume);
        request = request with { HintAnnotations = [.. request.HintAnnotations, annotation] };
        _requests[volume] = field switch
        {
            "type" => request with { Type = OneOf(annotation, value, "tmpfs", "bind") },
            "share" => request with { Share = OneOf(annotation, value, "pod", "container", "shared") },
            "options" => request with { Options = value },
            "source" => request with { Source = value },
            // A newer runsc may know it.
            _ => request,
        };
    }

    private void AddEmptyDir(string annotation, string value)
    {
        (string volume, string field) = Split(annotation, EmptyDirPrefix);
        if (!CanName(volume))
            throw new VolumeException($"annotation {annotation}: the shim itself has a hint named {volume}");
        VolumeRequest request = Of(volume);
        switch (field)
        {
            case "force-shared" when GoBoolean.Parse(value) is { } forced:
                _requests[volume] = request with { ForceShared = forced };
                break;
            case "medium" when value is "disk" or "memory":
                _requests[volume] = request with
                {
                    Medium = value == "disk" ? VolumeMedium.Disk : VolumeMedium.Memory,
                };
                break;
            case "force-shared":
                Warn($"annotation {annotation}=\"{value}\" is ignored: it must be true or false");
                break;
            case "medium":
                Warn($"annotation {annotation}=\"{value}\" is ignored: it must be disk or memory");
                break;
            default:
                Warn($"annotation {annotation} is ignored: there are force-shared and medium");
                break;
        }
    }

    private VolumeRequest Of(string volume) => _requests.GetValueOrDefault(volume) ?? new VolumeRequest { Name = volume };

    private static (string Volume, string Field) Split(string annotation, string prefix)
    {
        ReadOnlySpan<char> rest = annotation.AsSpan(prefix.Length);
        int dot = rest.IndexOf('.');
        if (dot < 0)
            throw new VolumeException($"annotation {annotation} must be {prefix}VOLUME.FIELD");
        string volume = rest[..dot].ToString();
        ReadOnlySpan<char> field = rest[(dot + 1)..];
        if (field.Contains('.'))
            throw new VolumeException(
                $"annotation {annotation}: the name of a volume has no dot, and {prefix}VOLUME.FIELD is all there is");
        if (field.IsEmpty || !IsName(volume))
            throw new VolumeException(
                $"annotation {annotation}: \"{volume}\" is not the name of a volume of a pod, or no field is named");
        return (volume, field.ToString());
    }

    /// <summary>
    /// Letters, digits and dashes (Kubernetes takes the small ones only), and underscores. It becomes a part of a path.
    /// </summary>
    private static bool IsName(string name)
    {
        if (name.Length is 0 or > LongestName || name[0] is '-' or '_')
            return false;
        foreach (char c in name)
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                return false;
        return true;
    }

    private static string OneOf(string annotation, string value, params ReadOnlySpan<string> allowed) =>
        allowed.Contains(value)
            ? value
            : throw new VolumeException($"annotation {annotation}=\"{value}\" must be {string.Join(" or ", allowed)}");

    private void RequireDistinctSources()
    {
        var sources = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (VolumeRequest request in _requests.Values)
            if (request.Source is { Length: > 0 } source && !sources.TryAdd(source, request.Name))
                throw new VolumeException(
                    $"annotations {Hint(sources[source], "source")} and {Hint(request.Name, "source")} "
                    + $"name the same source \"{source}\": leave both out, the volume's own directory is its source");
    }

    private void Warn(string warning) => _warnings.Add(warning);
}
