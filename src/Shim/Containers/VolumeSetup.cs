using Shim.Configuration;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>A container's specification and its pod's volumes, made to fit each other before runsc sees them.</summary>
internal sealed class VolumeSetup(ContainerContext context)
{
    /// <summary>Decides about a pod's volumes for its new sandbox, and writes the sandbox's specification.</summary>
    /// <param name="id">The sandbox.</param>
    /// <param name="bundle">Its bundle.</param>
    /// <param name="spec">Its specification.</param>
    /// <param name="state">Where runsc keeps its state.</param>
    /// <param name="configuration">What the node's administrator says.</param>
    /// <param name="saved">What was decided when the image was made from which it comes back; null where it begins anew.</param>
    /// <param name="undo">Takes back what is written if a later step fails.</param>
    /// <returns>What was decided, for the sandbox's other containers.</returns>
    /// <exception cref="VolumeException">What is asked cannot be done.</exception>
    /// <exception cref="IOException">A file could not be written.</exception>
    public async Task<VolumeDecisions> SetUpSandboxAsync(
        string id, Bundle bundle, ContainerSpec spec, BundleState state, ShimConfiguration configuration,
        VolumeDecisions? saved, Undo undo)
    {
        string? podUid = PodUid.Find(spec.Annotations);
        VolumePlan plan = podUid is null
            ? VolumePlan.Make(spec.Annotations, null, configuration.KubeletRoot, configuration.EmptyDirsOfPod)
            : await context.BlockingAsync("read the volumes of pod", podUid, () =>
                VolumePlan.Make(
                    spec.Annotations, podUid, configuration.KubeletRoot, configuration.EmptyDirsOfPod, saved));
        foreach (string warning in plan.Warnings)
            context.Log.VolumeWarning(id, warning);
        foreach (VolumeDecision decision in plan.Decisions.Volumes)
            context.Log.VolumeDecided(id, plan.Decisions.PodUid, decision);

        VolumeDecisions decisions = plan.Decisions;
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        VolumeAnnotationRewriter.RewriteSandbox(
            spec.Annotations, spec.Mounts, plan.Requests, decisions, await AliasesAsync(spec, decisions), edits);
        spec.EditSandbox(edits);
        // Also without a volume to decide about: a container that another shim creates must find that, too.
        if (spec.IsOfPod || podUid is not null)
        {
            undo.AddFile(bundle.Volumes);
            decisions.Save(bundle.Volumes);
        }
        if (plan.Pod is { } pod)
            await RemoveStaleFileStoresAsync(id, configuration.KubeletRoot, pod, state);
        spec.Write(bundle, edits);
        return decisions;
    }

    /// <summary>Writes the specification of a container that joins a sandbox.</summary>
    /// <param name="bundle">The container's bundle.</param>
    /// <param name="spec">Its specification.</param>
    /// <param name="sandbox">Its sandbox; null where that is another shim's.</param>
    /// <exception cref="VolumeException">A mount cannot be had, or the decisions cannot be read.</exception>
    /// <exception cref="IOException">The file could not be written.</exception>
    public async Task SetUpContainerAsync(Bundle bundle, ContainerSpec spec, Sandbox? sandbox)
    {
        // It becomes a part of a path.
        Identifier.Require(spec.SandboxId!, "sandbox id");
        VolumeDecisions decisions = sandbox?.Volumes ?? VolumeDecisions.Load(bundle.Of(spec.SandboxId!).Volumes);
        IReadOnlyDictionary<string, string> aliases = await AliasesAsync(spec, decisions);
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        VolumeAnnotationRewriter.RewriteContainer(spec.Annotations, spec.Mounts, decisions, aliases, edits);
        if (sandbox?.Restore is { IsPending: false } restore)
            RequireNoRestoredVolume(spec, decisions, aliases, restore.ImagePath);
        spec.EditSandbox(edits);
        spec.Write(bundle, edits);
    }

    /// <summary>
    /// runsc forgets with a restore that volumes are shared (20240729, and in the sources of mid-2026 too): to a container
    /// that is made later it gives an empty volume, and if that is on disk, in the very file that holds the restored one.
    /// </summary>
    /// <exception cref="VolumeException">The container mounts such a volume.</exception>
    private static void RequireNoRestoredVolume(
        ContainerSpec spec, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases, string image)
    {
        foreach (SpecMount mount in spec.Mounts)
            if (decisions.At(aliases.GetValueOrDefault(mount.Source) ?? mount.Source) is { IsPassthrough: false } volume)
                throw new VolumeException(
                    $"mount {mount.Destination}: volume {volume.Volume} came back from image {image}, and runsc shares it with "
                    + "the containers that came back alone: one that is made later would destroy its data. Delete the pod; "
                    + "a new one comes back from the image");
    }

    private async Task<IReadOnlyDictionary<string, string>> AliasesAsync(ContainerSpec spec, VolumeDecisions decisions)
    {
        if (!MountAliases.AreNeeded(decisions))
            return MountAliases.None;
        return await context.BlockingAsync("look at the mounts of pod", decisions.PodUid,
            () => MountAliases.Read(spec.Mounts, decisions));
    }

    private async Task RemoveStaleFileStoresAsync(string id, string kubeletRoot, PodVolumes pod, BundleState state)
    {
        foreach (PodVolume volume in pod.Volumes)
        {
            if (volume.Directory is not { FileStores.Count: > 0 })
                continue;
            IReadOnlyList<string> removed = await context.BlockingAsync("clear", volume.Path, () =>
                PodVolumesReader.RemoveStaleFileStores(
                    kubeletRoot, pod.PodUid, volume, sandbox => ExistsInAnyNamespace(state.RunscRoot, sandbox)));
            foreach (string store in removed)
                context.Log.FileStoreRemoved(id, volume.Name, store);
        }
    }

    /// <summary>Beside the root of this namespace are those of the others.</summary>
    private static bool ExistsInAnyNamespace(string runscRoot, string sandbox)
    {
        string all = Path.GetDirectoryName(runscRoot)!;
        if (!Directory.Exists(all))
            return false;
        foreach (string root in Directory.EnumerateDirectories(all))
            if (RunscStateFile.Find(root, sandbox) is not null)
                return true;
        return false;
    }
}
