using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Pods in a short notation, for theories.</summary>
internal static class ExamplePod
{
    public const string Uid = "7d0f1a52-6f2b-4a9e-8a55-6f1c3a0b9e11";
    public const string Directory = $"/var/lib/kubelet/pods/{Uid}";
    public const string CsiPlugin = "kubernetes.io~csi";

    /// <summary>The volume that is meant if none is named.</summary>
    public const string Data = "data";

    public static readonly string DataPath = PathOf(Data);

    public static string PathOf(string volume, string plugin = PodVolume.EmptyDirPlugin) =>
        $"{Directory}/volumes/{plugin}/{volume}";

    public static PodVolumes With(params IReadOnlyList<PodVolume> volumes) => new(Uid, Directory, Directory, volumes);

    /// <summary>
    /// An emptyDir. Facts: <c>disk</c> or <c>memory</c>, <c>used</c>, <c>gone</c>, <c>mode= uid= gid= size=</c>.
    /// </summary>
    public static PodVolume EmptyDir(string name = Data, string facts = "disk")
    {
        var directory = new EmptyDirectory(VolumeMedium.Disk, 0b111_111_111, 0, 0, null, []);
        bool gone = false;
        foreach (string fact in facts.Split(' '))
            switch (fact.Split('=')[0])
            {
                case "disk": break;
                case "memory": directory = directory with { Medium = VolumeMedium.Memory }; break;
                case "used": directory = directory with { OtherUse = "it holds \"socket\"" }; break;
                case "gone": gone = true; break;
                case "mode": directory = directory with { Mode = Convert.ToUInt32(fact[5..], 8) }; break;
                case "uid": directory = directory with { Uid = uint.Parse(fact[4..]) }; break;
                case "gid": directory = directory with { Gid = uint.Parse(fact[4..]) }; break;
                case "size": directory = directory with { Size = ulong.Parse(fact[5..]) }; break;
                default: throw new ArgumentException($"unknown fact \"{fact}\"", nameof(facts));
            }
        return new PodVolume(name, PodVolume.EmptyDirPlugin, PathOf(name)) { Directory = gone ? null : directory };
    }

    public static PodVolume Other(string name, string plugin = CsiPlugin) => new(name, plugin, PathOf(name, plugin));

    /// <summary>
    /// Annotations, <c>FIELD=VALUE</c> for <see cref="Data"/> or <c>NAME.FIELD=VALUE</c>, separated by spaces. FIELD
    /// tells hints from the shim's own annotations; <c>hint=pod</c> is the whole hint that the shim writes for an
    /// emptyDir with mode 0777 that root owns.
    /// </summary>
    public static Dictionary<string, string> Annotations(string text)
    {
        var annotations = new Dictionary<string, string>();
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            (string name, string value) = (word[..word.IndexOf('=')], word[(word.IndexOf('=') + 1)..]);
            (string volume, string field) = name.LastIndexOf('.') is >= 0 and var dot
                ? (name[..dot], name[(dot + 1)..]) : (Data, name);
            if (field == "hint")
            {
                annotations.Add(VolumeAnnotations.Hint(volume, "type"), "tmpfs");
                annotations.Add(VolumeAnnotations.Hint(volume, "share"), value);
                annotations.Add(VolumeAnnotations.Hint(volume, "source"), PathOf(volume));
                annotations.Add(VolumeAnnotations.Hint(volume, "options"), "rw,mode=777,uid=0,gid=0");
            }
            else
                annotations.Add(field is "medium" or "force-shared"
                    ? VolumeAnnotations.EmptyDir(volume, field) : VolumeAnnotations.Hint(volume, field), value);
        }
        return annotations;
    }

    /// <summary>A mount as containerd writes it: <c>TYPE SOURCE DESTINATION OPTION,…</c>.</summary>
    public static SpecMount Mount(string text) =>
        text.Split(' ') is [var type, var source, var destination, var options]
            ? new SpecMount(destination, type, source, options.Split(','))
            : throw new ArgumentException($"\"{text}\" is not a mount", nameof(text));

    /// <summary>The inverse of <see cref="Mount"/>.</summary>
    public static string TextOf(SpecMount mount) =>
        $"{mount.Type} {mount.Source} {mount.Destination} {string.Join(',', mount.Options)}";
}
