using System.Text;
using Shim;
using Shim.Checkpoints;
using Shim.Oci;
using Shim.Volumes;

namespace Fuzz;

/// <summary>
/// A pod's annotations and mounts with the volumes that it has on the node: what becomes of the specifications of its
/// sandbox and of a container that joins it.
/// </summary>
internal static class VolumesTarget
{
    private const string Config = "config.json";

    public static void Run(byte[] input)
    {
        VolumesInput pod = VolumesInput.Parse(Encoding.UTF8.GetString(input));
        try
        {
            Run(pod);
        }
        catch (Exception e) when (e is VolumeException or RefusedException or CheckpointException)
        {
            Target.Require(e.Message.Length < 8192, "an error is short");
        }
    }

    private static void Run(VolumesInput pod)
    {
        ContainerSpec spec = ContainerSpec.Parse(pod.Specification(), Config);
        RestoreAnnotations.Parse(spec.Annotations);
        _ = PodUid.Find(spec.Annotations, []);
        VolumeDecisions decisions = Decide(spec, pod);
        ContainerSpec sandbox = Rewrite(spec, decisions, pod, isSandbox: true);
        RequireSafe(sandbox, decisions, spec.Mounts);
        RequireOwnSources(spec, sandbox, decisions);
        VolumeDecisions again = Decide(sandbox, pod);
        Target.Require(InSandbox(again).SequenceEqual(InSandbox(decisions)),
            "a rewritten specification requests the same volumes");
        RequireSame(sandbox, Rewrite(sandbox, again, pod, isSandbox: true));

        ContainerSpec container = Rewrite(spec, decisions, pod, isSandbox: false);
        RequireOwnSources(spec, container, decisions);
        RequireSame(container, Rewrite(container, decisions, pod, isSandbox: false));
    }

    private static IEnumerable<string> InSandbox(VolumeDecisions decisions) =>
        from each in decisions.Volumes
        where !each.IsPassthrough
        select $"{each.Volume} {each.Path} {each.Outcome} {each.Options}";

    private static VolumeDecisions Decide(ContainerSpec spec, VolumesInput pod)
    {
        VolumeAnnotations requests = VolumeAnnotations.Parse(spec.Annotations);
        return pod.Saved is { Count: > 0 } saved
            ? RestoredVolumes.Decide(VolumeDecisions.None with { PodUid = "saved", Volumes = saved }, pod.Volumes, [])
            : VolumeDecider.Decide(requests, pod.Volumes, pod.IsConfigured, []);
    }

    /// <summary>As <c>VolumeSetup</c> does it.</summary>
    private static ContainerSpec Rewrite(
        ContainerSpec spec, VolumeDecisions decisions, VolumesInput pod, bool isSandbox)
    {
        string? shared = SharedMemory.SourceIn(spec.Mounts, spec.SandboxId);
        var facts = new MountFacts(pod.AliasesFor(spec.Mounts, decisions),
            shared is null ? null : new SharedMemory(shared, 64 << 20));
        SpecEdits edits = spec.BeginEdits();
        AnnotationFilter.Apply(spec.Annotations, [], edits);
        var rewriter = new VolumeAnnotationRewriter(spec.Mounts, decisions, facts, edits, []);
        if (isSandbox)
            rewriter.RewriteSandbox(VolumeAnnotations.Parse(spec.Annotations), spec.IsOfPod);
        else
            rewriter.RewriteContainer();
        RestoreAnnotations.Remove(spec.Annotations, edits);
        EditForRunsc.Apply(spec, edits);
        return ContainerSpec.Parse(spec.Edited(Config, edits).ToArray(), "rewritten");
    }

    /// <summary>No annotation that runsc reads names a path of the node but those of the shim's own hints.</summary>
    private static void RequireSafe(ContainerSpec sandbox, VolumeDecisions decisions, IReadOnlyList<SpecMount> mounts)
    {
        foreach ((string name, string value) in sandbox.Annotations)
        {
            if (!name.StartsWith("dev.gvisor.", StringComparison.Ordinal))
                continue;
            Target.Require(!name.StartsWith("dev.gvisor.internal.restore.", StringComparison.Ordinal)
                && !name.StartsWith("dev.gvisor.internal.fsrestore.", StringComparison.Ordinal),
                $"{name} does not reach runsc");
            if (name == CgroupParent.Annotation)
                Target.Require(value == CgroupParent.Of(sandbox.CgroupsPath), $"{name} is the pod's cgroup");
            else if (name == "dev.gvisor.flag.host-uds")
                Target.Require(value == "open" && decisions.Volumes.Any(static each => each is
                {
                    Volume: VolumeRules.FuseVolume, IsPassthrough: true,
                }), $"{name} is the shim's");
            else
                Target.Require(AnnotationFilter.Apply(new Dictionary<string, string> { [name] = value }, [],
                    new SpecEdits(sandbox.Annotations, [])).Count == 0, $"{name} is listed");
            if (name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal)
                && name.EndsWith(".source", StringComparison.Ordinal))
                Target.Require(decisions.Volumes.Any(each => each.Path == value && !each.IsPassthrough
                    && name == VolumeAnnotations.Hint(each.Volume, "source"))
                    || (name == VolumeAnnotations.Hint(SharedMemory.HintName, "source")
                        && mounts.Any(mount => mount.Source == value)), $"{name}={value} is a volume's directory");
        }
    }

    /// <summary>A mount keeps its source, or gets that of one of the pod's own volumes.</summary>
    private static void RequireOwnSources(ContainerSpec before, ContainerSpec after, VolumeDecisions decisions)
    {
        HashSet<string> sources = [.. before.Mounts.Select(static mount => mount.Source)];
        foreach (SpecMount mount in after.Mounts)
        {
            VolumeDecision? volume = decisions.Volumes.FirstOrDefault(each => each.Path == mount.Source);
            Target.Require(sources.Contains(mount.Source) || volume is { IsPassthrough: false },
                $"source {mount.Source} is the mount's own or a volume's");
            Target.Require(volume is null || mount.Source.StartsWith(VolumesInput.Directory, StringComparison.Ordinal),
                "a volume is in the pod's directory");
            if (volume is { IsPassthrough: false } && (mount.IsBind || mount.Type == "tmpfs"))
                Target.Require((mount.Type == "tmpfs") == (volume.Medium == VolumeMedium.Memory),
                    $"all mounts of {volume.Volume} have its medium");
        }
        Target.Require(after.Mounts.Select(static mount => mount.Destination)
            .All(destination => before.Mounts.Any(mount => mount.Destination == destination)), "no mount is new");
        foreach ((string name, string value) in before.Annotations)
            if (!name.StartsWith("dev.gvisor.", StringComparison.Ordinal) && name is not ("io.kubernetes.cri.sandbox-id"
                or "io.kubernetes.cri-o.SandboxID"))
                Target.Require(after.Annotations.GetValueOrDefault(name) == value, $"{name} is kept");
    }

    private static void RequireSame(ContainerSpec one, ContainerSpec other)
    {
        Target.Require(one.Annotations.OrderBy(static each => each.Key, StringComparer.Ordinal).SequenceEqual(
            other.Annotations.OrderBy(static each => each.Key, StringComparer.Ordinal)),
            "rewriting again changes no annotation");
        Target.Require(one.Mounts.Count == other.Mounts.Count
            && one.Mounts.Zip(other.Mounts).All(static each => each.First.SameAs(each.Second)),
            "rewriting again changes no mount");
    }
}
