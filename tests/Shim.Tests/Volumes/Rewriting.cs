using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>A specification as the rewriter edits it, in memory.</summary>
internal sealed record Rewriting(
    VolumeDecisions Decisions,
    IReadOnlyList<string> Warnings,
    SpecEdits Edits,
    IReadOnlyDictionary<string, string> Annotations,
    IReadOnlyList<SpecMount> Mounts)
{
    private static readonly MountFacts s_noFacts = new(MountAliases.None, null);

    /// <summary>The mounts in the notation of <see cref="ExamplePod.Mount"/>.</summary>
    public IEnumerable<string> MountTexts => Mounts.Select(ExamplePod.TextOf);

    /// <summary>The decision about <see cref="ExamplePod.Data"/>.</summary>
    public VolumeDecision Data => Decisions.Volumes.Single(static decision => decision.Volume == ExamplePod.Data);

    /// <summary>Decides for a pod and rewrites the specification of its sandbox.</summary>
    public static Rewriting OfSandbox(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        PodVolumes? pod, bool configured = false, MountFacts? facts = null, bool isOfPod = false)
    {
        VolumeAnnotations requests = VolumeAnnotations.Parse(annotations);
        List<string> warnings = [];
        VolumeDecisions decisions = VolumeDecider.Decide(requests, pod, configured, warnings);
        var edits = new SpecEdits(annotations, mounts);
        new VolumeAnnotationRewriter(mounts, decisions, facts ?? s_noFacts, edits, warnings)
            .RewriteSandbox(requests, isOfPod);
        return Of(decisions, warnings, annotations, mounts, edits);
    }

    /// <summary>Rewrites the specification of a container that joins the sandbox.</summary>
    public static Rewriting OfContainer(IReadOnlyDictionary<string, string> annotations,
        IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions, MountFacts? facts = null)
    {
        var edits = new SpecEdits(annotations, mounts);
        List<string> warnings = [];
        new VolumeAnnotationRewriter(mounts, decisions, facts ?? s_noFacts, edits, warnings).RewriteContainer();
        return Of(decisions, warnings, annotations, mounts, edits);
    }

    private static Rewriting Of(VolumeDecisions decisions, IReadOnlyList<string> warnings,
        IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts, SpecEdits edits)
    {
        var edited = new Dictionary<string, string>(annotations, StringComparer.Ordinal);
        foreach ((string name, string? value) in edits.Annotations)
            if (value is null)
                edited.Remove(name);
            else
                edited[name] = value;
        List<SpecMount> kept = [];
        for (int i = 0; i < mounts.Count; i++)
            if (!edits.Mounts.TryGetValue(i, out SpecMount? mount))
                kept.Add(mounts[i]);
            else if (mount is not null)
                kept.Add(mount);
        return new Rewriting(decisions, warnings, edits, edited, kept);
    }
}
