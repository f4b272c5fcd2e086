using Shim.Bundles;
using Shim.Configuration;
using Shim.Oci;
using Shim.Volumes;

namespace Shim.Explain;

/// <summary>A container's mount that is of a volume, or that the shim changes.</summary>
/// <param name="Before">The mount in the specification.</param>
/// <param name="After">The mount as runsc sees it; null if the shim removes it.</param>
internal sealed record ExplainMount(SpecMount Before, SpecMount? After)
{
    /// <summary>Whether runsc sees the mount as it is in the specification.</summary>
    public bool IsUnchanged => After is not null && After.SameAs(Before);
}

/// <summary>What <c>explain</c> found out. Making a report changes nothing on the node.</summary>
internal sealed record ExplainReport
{
    private const string SandboxFails = "The sandbox cannot be created";

    /// <summary>The decisions; none if there was a failure before they were complete.</summary>
    public VolumeDecisions Decisions { get; init; } = VolumeDecisions.None;

    /// <summary>
    /// Whether the decisions were made when the sandbox was created; if not, they would be made if it were created now.
    /// </summary>
    public bool IsKept { get; init; }

    /// <summary>
    /// Requests that are ignored. For kept decisions only those of the container's own mounts; the others were logged
    /// when the sandbox was created.
    /// </summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The container's mounts; empty if a pod is explained.</summary>
    public IReadOnlyList<ExplainMount> Mounts { get; init; } = [];

    /// <summary>What cannot be created and why; null if nothing fails.</summary>
    public string? Failure { get; init; }

    /// <summary>Explains the container of a bundle.</summary>
    /// <exception cref="RefusedException">The container does not exist, or its sandbox does not.</exception>
    public static ExplainReport OfBundle(Bundle bundle, ShimConfiguration configuration)
    {
        ContainerSpec spec = ContainerSpec.Read(bundle.Specification);
        if (!spec.IsSandbox)
            return OfKept(SandboxOf(bundle, spec), spec, "The container cannot be created");
        if (File.Exists(bundle.Volumes))
            return OfKept(bundle, spec, "No container can join the sandbox");
        ExplainReport report = OfPlan(spec.Annotations, null, configuration, out VolumeAnnotations? requests);
        return requests is null ? report : report.WithMounts(spec, requests, SandboxFails);
    }

    /// <summary>Explains a pod that may not have a sandbox yet.</summary>
    public static ExplainReport OfPod(
        IReadOnlyDictionary<string, string> annotations, string podUid, ShimConfiguration configuration) =>
        OfPlan(annotations, podUid, configuration, out _);

    private static ExplainReport OfPlan(IReadOnlyDictionary<string, string> annotations, string? podUid,
        ShimConfiguration configuration, out VolumeAnnotations? requests)
    {
        requests = null;
        List<string> warnings = [];
        try
        {
            VolumePlan plan = VolumePlan.Make(annotations, podUid ?? PodUid.Find(annotations, warnings),
                configuration.KubeletRoot, configuration.EmptyDirsOfPod);
            requests = plan.Requests;
            warnings.AddRange(plan.Warnings);
            foreach (string annotation in AnnotationFilter.Apply(
                annotations, configuration.AllowedAnnotations, new SpecEdits(annotations, [])))
                warnings.Add(AnnotationFilter.WarningOf(annotation));
            return new ExplainReport { Decisions = plan.Decisions, Warnings = warnings };
        }
        catch (VolumeException e)
        {
            return new ExplainReport { Failure = $"{SandboxFails}: {e.Message}", Warnings = warnings };
        }
    }

    private static ExplainReport OfKept(Bundle sandbox, ContainerSpec spec, string consequence)
    {
        var report = new ExplainReport { IsKept = true };
        try
        {
            report = report with { Decisions = VolumeDecisions.Load(sandbox.Volumes) };
        }
        catch (VolumeException e)
        {
            return report with { Failure = $"{consequence}: {e.Message}" };
        }
        return report.WithMounts(spec, null, consequence);
    }

    private static Bundle SandboxOf(Bundle bundle, ContainerSpec spec)
    {
        string id = spec.SandboxId ?? throw new RefusedException(
            Refusal.InvalidArgument, $"{bundle.Specification} does not name the sandbox that the container joins");
        Identifier.Require(id, "sandbox id");
        Bundle sandbox = bundle.Of(id);
        return Directory.Exists(sandbox.Path) ? sandbox : throw new RefusedException(
            Refusal.NotFound, $"sandbox {id}, which the container joins, has no bundle: {sandbox.Path} does not exist");
    }

    /// <param name="spec">The container.</param>
    /// <param name="requests">What a new sandbox's annotations request; null if the decisions are kept ones.</param>
    /// <param name="consequence">The consequence of an impossible mount, for the failure.</param>
    private ExplainReport WithMounts(ContainerSpec spec, VolumeAnnotations? requests, string consequence)
    {
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        List<string> warnings = [.. Warnings];
        try
        {
            var rewriter = new VolumeAnnotationRewriter(
                spec.Mounts, Decisions, MountFacts.Read(spec, Decisions), edits, warnings);
            if (requests is null)
                rewriter.RewriteContainer();
            else
                rewriter.RewriteSandbox(requests, spec.IsOfPod);
        }
        catch (VolumeException e)
        {
            return this with { Failure = $"{consequence}: {e.Message}", Warnings = warnings };
        }
        List<ExplainMount> mounts = [];
        for (int i = 0; i < spec.Mounts.Count; i++)
        {
            SpecMount mount = spec.Mounts[i];
            if (edits.Mounts.TryGetValue(i, out SpecMount? edited))
                mounts.Add(new ExplainMount(mount, edited));
            else if (Decisions.At(mount.Source) is not null || Decisions.Above(mount.Source) is not null)
                mounts.Add(new ExplainMount(mount, mount));
        }
        return this with { Mounts = mounts, Warnings = warnings };
    }
}
