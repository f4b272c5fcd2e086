using System.Text;
using Shim.Oci;
using Shim.Tests.Volumes;
using Shim.Volumes;

namespace Fuzz;

/// <summary>A pod's annotations and mounts, with the volumes that it has on the node. One line each:</summary>
/// <remarks>
/// <code>
///  a NAME=VALUE                         an annotation
///  m TYPE SOURCE DESTINATION OPTIONS    a mount
///  v NAME PLUGIN d|m|u|g                a volume: on disk, in memory, used by others, gone
///  c                                    the configuration says empty_dir = "pod"
/// </code>
/// </remarks>
internal static class VolumesTarget
{
    private const string Uid = "7d0f1a52-6f2b-4a9e-8a55-6f1c3a0b9e11";
    private const string Directory = $"/var/lib/kubelet/pods/{Uid}";

    public static void Run(byte[] input)
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal);
        List<SpecMount> mounts = [];
        List<PodVolume> volumes = [];
        bool configured = false;
        foreach (string line in Encoding.UTF8.GetString(input).Split('\n'))
            if (line.StartsWith("a ", StringComparison.Ordinal) && line.IndexOf('=') is > 0 and int equals)
                annotations[line[2..Math.Max(equals, 2)]] = line[(equals + 1)..];
            else if (line.StartsWith("m ", StringComparison.Ordinal) && line.Split(' ', 5) is [_, var type, var source,
                var destination, var options])
                mounts.Add(new SpecMount(destination, type, source, options.Split(',')));
            else if (line.StartsWith("v ", StringComparison.Ordinal) && line.Split(' ') is [_, var name, var plugin,
                var facts] && IsName(name) && IsName(plugin) && !volumes.Exists(each => each.Name == name))
                volumes.Add(Volume(name, plugin, facts));
            else if (line == "c")
                configured = true;
        Run(annotations, mounts, new PodVolumes(Uid, Directory, Directory, volumes), configured);
    }

    private static void Run(Dictionary<string, string> annotations, List<SpecMount> mounts, PodVolumes pod,
        bool configured)
    {
        try
        {
            (VolumeDecisions decisions, SpecEdits edits) = Rewrite(annotations, mounts, pod, configured);
            (Dictionary<string, string> after, List<SpecMount> afterMounts) =
                AppliedEdits.Of(annotations, mounts, edits);
            RequireSafe(after, decisions, mounts);
            for (int i = 0; i < mounts.Count; i++)
                if (edits.Mounts.TryGetValue(i, out SpecMount? edited) && edited is not null)
                    Target.Require(edited.Source == mounts[i].Source || decisions.At(edited.Source) is not null,
                        $"source {edited.Source} is the mount's own or a volume's");
            Target.Require(
                Rewrite(after, afterMounts, pod, configured).Edits.IsEmpty, "rewriting again changes nothing");
        }
        catch (VolumeException)
        {
        }
    }

    private static (VolumeDecisions Decisions, SpecEdits Edits) Rewrite(
        Dictionary<string, string> annotations, List<SpecMount> mounts, PodVolumes pod, bool configured)
    {
        VolumeAnnotations requests = VolumeAnnotations.Parse(annotations);
        VolumeDecisions decisions = VolumeDecider.Decide(requests, pod, configured, []);
        var edits = new SpecEdits(annotations, mounts);
        AnnotationFilter.Apply(annotations, [], edits);
        VolumeAnnotationRewriter.RewriteSandbox(annotations, mounts, requests, decisions, MountAliases.None, edits);
        return (decisions, edits);
    }

    /// <summary>No annotation that runsc reads names a path of the node but those of the shim's own hints.</summary>
    private static void RequireSafe(
        Dictionary<string, string> annotations, VolumeDecisions decisions, List<SpecMount> mounts)
    {
        foreach ((string name, string value) in annotations)
        {
            if (!name.StartsWith("dev.gvisor.", StringComparison.Ordinal))
                continue;
            Target.Require(name == "dev.gvisor.flag.host-uds" || AnnotationFilter.Apply(
                new Dictionary<string, string> { [name] = value }, [], new SpecEdits(annotations, [])).Count == 0,
                $"{name} is listed");
            if (name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal)
                && name.EndsWith(".source", StringComparison.Ordinal))
                Target.Require(decisions.At(value) is { IsPassthrough: false }
                    || (name == VolumeAnnotations.Hint(SharedMemory.HintName, "source")
                        && mounts.Exists(mount => mount.Source == value)), $"{name}={value} is a volume's directory");
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
}
