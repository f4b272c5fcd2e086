using System.Buffers;
using System.Text.Json;
using Shim.Oci;
using Shim.Volumes;

namespace Fuzz;

/// <summary>A pod, as an input of <see cref="VolumesTarget"/> describes it. One line each:</summary>
/// <remarks>
/// <code>
///  a NAME=VALUE                         an annotation
///  m TYPE SOURCE DESTINATION OPTIONS    a mount; a leading ~ is the directory of the pod's emptyDirs
///  l SOURCE NAME                        SOURCE is the directory of the volume NAME under another path
///  v NAME PLUGIN d|m|u|g                a volume: on disk, in memory, used by others, gone; ~ is the emptyDir's plugin
///  s NAME OUTCOME OPTIONS               a volume of the image from which the pod is restored
///  g PATH                               the cgroup
///  c                                    the configuration says empty_dir = "pod"
/// </code>
/// </remarks>
internal sealed class VolumesInput
{
    private const string Uid = "7d0f1a52-6f2b-4a9e-8a55-6f1c3a0b9e11";

    /// <summary>The pod's directory.</summary>
    public const string Directory = $"/var/lib/kubelet/pods/{Uid}";

    /// <summary>The same without links.</summary>
    public const string ResolvedDirectory = $"/mnt/kubelet/pods/{Uid}";

    private readonly Dictionary<string, string> _annotations = new(StringComparer.Ordinal);
    private readonly List<SpecMount> _mounts = [];
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);
    private readonly List<PodVolume> _volumes = [];
    private readonly List<VolumeDecision> _saved = [];
    private string? _cgroup;

    private VolumesInput()
    {
    }

    /// <summary>The pod's volumes on the node.</summary>
    public PodVolumes Volumes => new(Uid, Directory, ResolvedDirectory,
        [.. _volumes.OrderBy(static each => (each.Name, each.Plugin))]);

    /// <summary>The volumes of the image.</summary>
    public IReadOnlyList<VolumeDecision> Saved => _saved;

    /// <summary>Whether the configuration wants emptyDirs in the sandbox.</summary>
    public bool IsConfigured { get; private set; }

    /// <summary>Reads an input; lines of another form are skipped.</summary>
    public static VolumesInput Parse(string text)
    {
        var pod = new VolumesInput();
        foreach (string line in text.Split('\n'))
            if (line is ['a', ' ', .. var annotation] && annotation.IndexOf('=') is >= 0 and int equals)
                pod._annotations[annotation[..equals]] = annotation[(equals + 1)..];
            else
                pod.Add(line.Split(' ', 5));
        return pod;
    }

    /// <summary>The specification of a container of the pod.</summary>
    public byte[] Specification()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("annotations"u8);
            foreach ((string name, string value) in _annotations)
                json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteStartArray("mounts"u8);
            foreach (SpecMount mount in _mounts)
                Write(json, mount);
            json.WriteEndArray();
            if (_cgroup is not null)
            {
                json.WriteStartObject("linux"u8);
                json.WriteString("cgroupsPath"u8, _cgroup);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>As <see cref="MountAliases"/> finds them.</summary>
    public IReadOnlyDictionary<string, string> AliasesFor(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions)
    {
        var aliases = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (SpecMount mount in mounts)
            if (mount.IsBind && decisions.At(mount.Source) is null && decisions.Above(mount.Source) is null
                && _aliases.TryGetValue(mount.Source, out string? name)
                && decisions.Volumes.FirstOrDefault(each => each.Volume == name) is { IsPassthrough: false } volume)
                aliases[mount.Source] = volume.Path;
        return aliases;
    }

    private void Add(string[] line)
    {
        switch (line)
        {
            case ["m", var type, var source, var destination, var options]:
                _mounts.Add(new SpecMount(destination, type,
                    source is ['~', .. var rest] ? $"{Directory}/volumes/{PodVolume.EmptyDirPlugin}{rest}" : source,
                    options.Split(',')));
                break;
            case ["l", var source, var name]:
                _aliases[source] = name;
                break;
            case ["v", var name, var plugin, var facts] when IsName(name) && IsName(plugin):
                plugin = plugin == "~" ? PodVolume.EmptyDirPlugin : plugin;
                if (!_volumes.Exists(each => each.Name == name && each.Plugin == plugin))
                    _volumes.Add(Volume(name, plugin, facts));
                break;
            case ["s", var name, var outcome, var options]:
                _saved.Add(Decision(name, outcome, options));
                break;
            case ["g", var path]:
                _cgroup = path;
                break;
            case ["c"]:
                IsConfigured = true;
                break;
        }
    }

    /// <summary>What can be a name in a directory.</summary>
    private static bool IsName(string name) => name is not ("" or "." or "..") && !name.Contains('/')
        && !name.Contains('\0');

    private static PodVolume Volume(string name, string plugin, string facts) =>
        new(name, plugin, $"{Directory}/volumes/{plugin}/{name}")
        {
            Directory = plugin != PodVolume.EmptyDirPlugin || facts == "g" ? null : new EmptyDirectory(
                facts == "m" ? VolumeMedium.Memory : VolumeMedium.Disk, 0b111_111_111, 0, 0,
                facts == "u" ? "it holds \"socket\"" : null, []),
        };

    private static VolumeDecision Decision(string name, string outcome, string options) => new()
    {
        Volume = name,
        Path = $"/etc/{name}",
        Share = outcome == "passthrough" ? null
            : outcome.StartsWith("pod", StringComparison.Ordinal) ? VolumeShare.Pod : VolumeShare.Container,
        Medium = outcome.EndsWith("memory", StringComparison.Ordinal) ? VolumeMedium.Memory : VolumeMedium.Disk,
        Options = options,
        Rule = VolumeRule.SharedByPod,
        Why = "",
    };

    private static void Write(Utf8JsonWriter json, SpecMount mount)
    {
        json.WriteStartObject();
        json.WriteString("destination"u8, mount.Destination);
        SpecWriter.WriteSource(json, mount);
        json.WriteEndObject();
    }
}
