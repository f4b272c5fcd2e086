using Shim.Bundles;
using Shim.Checkpoints;
using Shim.Configuration;
using Shim.Oci;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Sandboxes;

/// <summary>Adapts a container's specification to its pod's volumes, before runsc reads it.</summary>
internal sealed class VolumeSetup(ShimContext context)
{
    private const int MostWarnings = 10;

    /// <summary>Decides about a pod's volumes for its new sandbox, and writes the sandbox's specification.</summary>
    /// <param name="id">The sandbox.</param>
    /// <param name="bundle">
    /// Its bundle; gets <c>volumes.json</c>, which the caller removes if a later step fails.
    /// </param>
    /// <param name="spec">Its specification.</param>
    /// <param name="runscRoot">Where runsc keeps its state, with the namespace.</param>
    /// <param name="configuration">What the administrator configured.</param>
    /// <param name="saved">What the image was made with, from which the sandbox is restored; else null.</param>
    /// <returns>What was decided, for the sandbox's other containers.</returns>
    /// <exception cref="VolumeException">The request cannot be fulfilled.</exception>
    /// <exception cref="IOException">A file could not be written.</exception>
    public async Task<VolumeDecisions> SetUpSandboxAsync(string id, Bundle bundle, ContainerSpec spec,
        string runscRoot, ShimConfiguration configuration, VolumeDecisions? saved)
    {
        List<string> warnings = [];
        string? podUid = PodUid.Find(spec.Annotations, warnings);
        if (warnings.Count > 0 && saved is not null)
            RestoredVolumes.RequireNone(saved, warnings[0]);
        VolumePlan plan = await PlanAsync(spec, podUid, configuration, saved);
        warnings.AddRange(plan.Warnings);
        WarnAboutVolumes(id, warnings);
        foreach (VolumeDecision decision in plan.Decisions.Volumes)
            context.Log.VolumeDecided(id, plan.Decisions.PodUid, decision);

        VolumeDecisions decisions = plan.Decisions;
        SpecEdits edits = BeginEdits(id, spec, configuration);
        MountFacts facts = await FactsAsync(spec, decisions);
        warnings.Clear();
        new VolumeAnnotationRewriter(spec.Mounts, decisions, facts, edits, warnings)
            .RewriteSandbox(plan.Requests, spec.IsOfPod);
        WarnAboutVolumes(id, warnings);
        // Also without a volume to decide about: a container that another shim creates must find that, too.
        if (spec.IsOfPod || podUid is not null)
            decisions.Save(bundle.Volumes);
        if (plan.Pod is { } pod)
            await RemoveStaleFileStoresAsync(id, configuration.KubeletRoot, pod, runscRoot);
        Write(bundle, spec, edits);
        return decisions;
    }

    /// <summary>Writes the specification of a container that joins a sandbox.</summary>
    /// <param name="id">The container.</param>
    /// <param name="bundle">Its bundle.</param>
    /// <param name="spec">Its specification.</param>
    /// <param name="configuration">What the administrator configured.</param>
    /// <param name="sandbox">Its sandbox; null if it is another shim's.</param>
    /// <exception cref="VolumeException">A mount is impossible, or the decisions cannot be read.</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public async Task SetUpContainerAsync(
        string id, Bundle bundle, ContainerSpec spec, ShimConfiguration configuration, Sandbox? sandbox)
    {
        // It becomes a part of a path.
        Identifier.Require(spec.SandboxId!, "sandbox id");
        VolumeDecisions decisions = sandbox?.Volumes ?? VolumeDecisions.Load(bundle.Of(spec.SandboxId!).Volumes);
        MountFacts facts = await FactsAsync(spec, decisions);
        SpecEdits edits = BeginEdits(id, spec, configuration);
        List<string> warnings = [];
        new VolumeAnnotationRewriter(spec.Mounts, decisions, facts, edits, warnings).RewriteContainer();
        WarnAboutVolumes(id, warnings);
        if (sandbox?.Restore is { IsPending: false } restore)
            RequireNoRestoredVolume(spec, decisions, facts, restore.ImagePath);
        Write(bundle, spec, edits);
    }

    /// <summary>
    /// Begins with what must not reach runsc, so that what the shim itself adds comes after it, and stays.
    /// </summary>
    private SpecEdits BeginEdits(string id, ContainerSpec spec, ShimConfiguration configuration)
    {
        SpecEdits edits = spec.BeginEdits();
        Warn(AnnotationFilter.Apply(spec.Annotations, configuration.AllowedAnnotations, edits),
            annotation => context.Log.AnnotationRemoved(id, AnnotationFilter.WarningOf(annotation)));
        return edits;
    }

    private void WarnAboutVolumes(string id, IReadOnlyList<string> warnings) =>
        Warn(warnings, warning => context.Log.VolumeWarning(id, warning));

    /// <summary>Logs the first ones: a pod can have any number of annotations.</summary>
    private void Warn(IReadOnlyList<string> about, Action<string> log)
    {
        for (int i = 0; i < about.Count; i++)
            if (i == MostWarnings)
            {
                context.Log.WarningsLeftOut(about.Count - MostWarnings);
                return;
            }
            else
                log(about[i]);
    }

    private static void Write(Bundle bundle, ContainerSpec spec, SpecEdits edits)
    {
        RestoreAnnotations.Remove(spec.Annotations, edits);
        EditForRunsc.Apply(spec, edits);
        spec.Write(bundle.Specification, edits);
    }

    private async Task<VolumePlan> PlanAsync(
        ContainerSpec spec, string? podUid, ShimConfiguration configuration, VolumeDecisions? saved)
    {
        if (podUid is null)
            return VolumePlan.Make(spec.Annotations, null, configuration.KubeletRoot, configuration.EmptyDirsOfPod);
        return await context.Blocking.RunAsync("read the volumes of pod", podUid, () => VolumePlan.Make(
            spec.Annotations, podUid, configuration.KubeletRoot, configuration.EmptyDirsOfPod, saved));
    }

    /// <summary>
    /// After a restore runsc forgets that volumes are shared (20240729, and in the sources of mid-2026 too): a
    /// container that is created later gets an empty volume, and if that is on disk, in the very file that holds the
    /// restored one.
    /// </summary>
    /// <exception cref="VolumeException">The container mounts such a volume.</exception>
    private static void RequireNoRestoredVolume(
        ContainerSpec spec, VolumeDecisions decisions, MountFacts facts, string image)
    {
        foreach (SpecMount mount in spec.Mounts)
        {
            if (decisions.At(facts.SourceOf(mount)) is { IsPassthrough: false } volume)
                throw new VolumeException(
                    $"mount {mount.Destination.Short()}: volume {volume.Volume} was restored from image {image}, "
                    + "and runsc shares it only with the containers of that image: a container that is created later "
                    + "would destroy its data. Delete the pod and restore it again");
        }
    }

    private async Task<MountFacts> FactsAsync(ContainerSpec spec, VolumeDecisions decisions) =>
        MountFacts.Blocks(spec, decisions)
            ? await context.Blocking.RunAsync("look at the mounts of pod", spec.SandboxId ?? decisions.PodUid,
                () => MountFacts.Read(spec, decisions))
            : MountFacts.Read(spec, decisions);

    private async Task RemoveStaleFileStoresAsync(string id, string kubeletRoot, PodVolumes pod, string runscRoot)
    {
        HashSet<string>? sandboxes = null;
        foreach (PodVolume volume in pod.Volumes)
        {
            if (volume.Directory is not { FileStores.Count: > 0 })
                continue;
            IReadOnlyList<string> removed = await context.Blocking.RunAsync("clear", volume.Path, () =>
            {
                sandboxes ??= RunscStateFile.IdsInAllNamespaces(runscRoot);
                return FileStores.RemoveStale(kubeletRoot, pod.PodUid, volume, sandboxes);
            });
            if (removed.Count > 0)
                context.Log.FileStoresRemoved(id, volume.Name, removed.Count, removed[0]);
        }
    }
}
