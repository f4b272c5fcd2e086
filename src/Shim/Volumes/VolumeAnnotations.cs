namespace Shim.Volumes;

/// <summary>What a pod's annotations request for its volumes.</summary>
/// <remarks>
/// Hints are runsc's own annotations, <c>dev.gvisor.spec.mount.NAME.FIELD</c>; values that runsc would silently ignore
/// are errors here. <c>dev.gvisor.empty-dir.NAME.force-shared</c> and <c>.medium</c> are the shim's. The pod's author
/// writes them, so they are not trusted.
/// </remarks>
internal sealed class VolumeAnnotations
{
    /// <summary>The prefix of every hint.</summary>
    public const string HintPrefix = "dev.gvisor.spec.mount.";

    /// <summary>The prefix of the shim's own annotations about emptyDirs.</summary>
    public const string EmptyDirPrefix = "dev.gvisor.empty-dir.";

    private const int LongestName = 63; // Kubernetes' limit for a volume's name

    private readonly SortedDictionary<string, VolumeRequest> _requests = new(StringComparer.Ordinal);
    private readonly List<string> _warnings = [];

    private VolumeAnnotations()
    {
    }

    /// <summary>The requests, sorted by the volumes' names.</summary>
    public IReadOnlyCollection<VolumeRequest> Requests => _requests.Values;

    /// <summary>One sentence for each annotation that is ignored.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The request for a volume; null if there is none.</summary>
    public VolumeRequest? Find(string volume) => _requests.GetValueOrDefault(volume);

    /// <summary>Parses annotations; those about other things are skipped.</summary>
    /// <exception cref="VolumeException">An annotation is not valid.</exception>
    public static VolumeAnnotations Parse(IReadOnlyDictionary<string, string> annotations)
    {
        var parsed = new VolumeAnnotations();
        // Sorted, so that the same annotations always give the same error first.
        List<string>? names = null;
        foreach (string name in annotations.Keys)
            if (name.StartsWith(HintPrefix, StringComparison.Ordinal)
                || name.StartsWith(EmptyDirPrefix, StringComparison.Ordinal))
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

    /// <summary>Whether an annotation can name this volume; the name of the shim's own hint is reserved.</summary>
    public static bool CanName(string volume) => IsName(volume) && volume != SharedMemory.HintName;

    /// <summary>The name of a hint.</summary>
    public static string Hint(string volume, string field) => $"{HintPrefix}{volume}.{field}";

    /// <summary>The name of an annotation about an emptyDir.</summary>
    public static string EmptyDir(string volume, string field) => $"{EmptyDirPrefix}{volume}.{field}";

    private void AddHint(string annotation, string value)
    {
        (string volume, string field) = Split(annotation, HintPrefix);
        // The shim's own hint, which SharedMemory writes.
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
            // A newer runsc may support it.
            _ => request,
        };
    }

    private void AddEmptyDir(string annotation, string value)
    {
        (string volume, string field) = Split(annotation, EmptyDirPrefix);
        if (!CanName(volume))
            throw new VolumeException(
                $"annotation {annotation.Short()} is invalid: the shim reserves the name {volume}");
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
                Warn($"annotation {annotation.Short()}=\"{value.Short()}\" is ignored: it must be true or false");
                break;
            case "medium":
                Warn($"annotation {annotation.Short()}=\"{value.Short()}\" is ignored: it must be disk or memory");
                break;
            default:
                Warn($"annotation {annotation.Short()} is ignored: its field must be force-shared or medium");
                break;
        }
    }

    private VolumeRequest Of(string volume) =>
        _requests.GetValueOrDefault(volume) ?? new VolumeRequest { Name = volume };

    private static (string Volume, string Field) Split(string annotation, string prefix)
    {
        ReadOnlySpan<char> rest = annotation.AsSpan(prefix.Length);
        int dot = rest.IndexOf('.');
        if (dot < 0)
            throw Malformed("the field is missing");
        string volume = rest[..dot].ToString();
        ReadOnlySpan<char> field = rest[(dot + 1)..];
        if (field.Contains('.'))
            throw Malformed("a volume's name has no dot");
        if (field.IsEmpty)
            throw Malformed("the field is missing");
        if (!IsName(volume))
            throw Malformed($"\"{volume.Short()}\" is not a valid name of a volume");
        return (volume, field.ToString());

        VolumeException Malformed(string why) =>
            new($"annotation {annotation.Short()} is not of the form {prefix}VOLUME.FIELD: {why}");
    }

    /// <summary>
    /// Letters (Kubernetes allows only lower-case ones), digits, dashes and underscores. It becomes part of a path.
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
            : throw new VolumeException(
                $"annotation {annotation.Short()}=\"{value.Short()}\" must be {string.Join(" or ", allowed)}");

    private void RequireDistinctSources()
    {
        var sources = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (VolumeRequest request in _requests.Values)
            if (request.Source is { Length: > 0 } source && !sources.TryAdd(source, request.Name))
                throw new VolumeException(
                    $"annotations {Hint(sources[source], "source")} and {Hint(request.Name, "source")} name the same "
                    + $"source \"{source.Short()}\"; remove both, since a volume's source is always its own directory");
    }

    private void Warn(string warning) => _warnings.Add(warning);
}
