using Shim.Oci;

namespace Shim.Volumes;

/// <summary>
/// Writes the hints and mounts that make runsc turn an emptyDir into a disk-backed file system of the sandbox, which
/// all containers of the pod share and which checkpoints capture.
/// </summary>
/// <remarks>
/// What is written depends on nothing but what is passed to it. runsc reads hints only in the sandbox's
/// specification, and matches them to mounts by comparing sources as text, so only the shim writes sources, and always
/// the same ones. The first mount of a shared volume decides its medium for all, so a volume's mounts are all bind or
/// all tmpfs. Rewriting a rewritten specification changes nothing.
/// </remarks>
/// <param name="mounts">The container's mounts.</param>
/// <param name="decisions">The decisions about the pod's volumes.</param>
/// <param name="facts">What is known of the mounts' sources.</param>
/// <param name="edits">Receives the changes.</param>
/// <param name="warnings">Receives one sentence for each mount that loses something.</param>
internal sealed class VolumeAnnotationRewriter(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions,
    MountFacts facts, SpecEdits edits, ICollection<string> warnings)
{
    private const string HostUds = "dev.gvisor.flag.host-uds";

    /// <summary>Edits the specification of the sandbox, which is the pod's first container.</summary>
    /// <param name="requests">What its annotations request.</param>
    /// <param name="isOfPod">Whether it is a pod's, so that a stranger wrote its annotations.</param>
    /// <exception cref="VolumeException">A mount is impossible.</exception>
    public void RewriteSandbox(VolumeAnnotations requests, bool isOfPod)
    {
        if (isOfPod || decisions.PodUid.Length > 0)
            RemoveStrayHints(requests);
        foreach (VolumeDecision decision in decisions.Volumes)
        {
            if (decision.IsPassthrough)
                RemoveHint(requests.Find(decision.Volume));
            else
                SetHint(decision, requests.Find(decision.Volume));
            if (IsOfFuseDriver(decision))
                OpenHostSockets();
        }
        RewriteMounts();
        SharedMemory.RemoveHint(edits);
        facts.SharedMemory?.SetHint(edits);
    }

    /// <summary>Edits the specification of a container that joins a sandbox.</summary>
    /// <exception cref="VolumeException">A mount is impossible.</exception>
    public void RewriteContainer()
    {
        RewriteMounts();
        SharedMemory.RemoveHint(edits);
        foreach (SpecMount mount in mounts)
            if (IsOfNode(mount) && IsOfFuseDriver(decisions.At(facts.SourceOf(mount))))
                OpenHostSockets();
    }

    /// <summary>A pod that has only a volume of this name does not get the node's sockets for it.</summary>
    private static bool IsOfFuseDriver(VolumeDecision? decision) =>
        decision is { Volume: VolumeRules.FuseVolume, Rule: VolumeRule.ForceShared or VolumeRule.UsedByOthers };

    private void OpenHostSockets()
    {
        if (edits.ValueOf(HostUds) is null)
            edits.Set(HostUds, "open");
    }

    private void SetHint(VolumeDecision decision, VolumeRequest? request)
    {
        string volume = decision.Volume;
        edits.Set(VolumeAnnotations.Hint(volume, "type"), "tmpfs");
        edits.Set(VolumeAnnotations.Hint(volume, "share"), decision.Share == VolumeShare.Pod ? "pod" : "container");
        edits.Set(VolumeAnnotations.Hint(volume, "source"), decision.Path);
        edits.Set(VolumeAnnotations.Hint(volume, "options"), decision.Options);
        // The hint's type named the medium, and is tmpfs from now on, which would mean memory.
        if (decision is { Rule: VolumeRule.SharedByContainer, Medium: VolumeMedium.Disk }
            && request is { Medium: null })
            edits.Set(VolumeAnnotations.EmptyDir(volume, "medium"), "disk");
    }

    private void RemoveHint(VolumeRequest? request)
    {
        foreach (string annotation in request?.HintAnnotations ?? [])
            edits.Remove(annotation);
        // Without the hint, this annotation requests the same.
        if (request is { Share: "shared", ForceShared: false })
            edits.Set(VolumeAnnotations.EmptyDir(request.Name, "force-shared"), "true");
    }

    /// <summary>
    /// Removes hints about volumes that the pod does not have: they could still name the source of any mount.
    /// </summary>
    private void RemoveStrayHints(VolumeAnnotations requests)
    {
        var decided = new HashSet<string>(StringComparer.Ordinal);
        foreach (VolumeDecision decision in decisions.Volumes)
            decided.Add(decision.Volume);
        foreach (VolumeRequest request in requests.Requests)
            if (!decided.Contains(request.Name))
                RemoveHint(request);
    }

    private void RewriteMounts()
    {
        for (int i = 0; i < mounts.Count; i++)
        {
            SpecMount mount = mounts[i];
            if (!IsOfNode(mount))
                continue;
            string source = facts.SourceOf(mount);
            VolumeDecision? decision = decisions.At(source);
            if (decision is { IsPassthrough: false })
                edits.Replace(i, InSandbox(mount, decision));
            else if (decision is null && decisions.Above(source) is { IsPassthrough: false } above)
                throw new VolumeException(
                    $"mount {mount.Destination.Short()} is a subPath of volume {above.Volume.Short()}, which is in the "
                    + $"sandbox ({above.Outcome}) and not in {mount.Source.Short()} on the node; mount the whole "
                    + "volume, or set annotation "
                    + $"{VolumeAnnotations.EmptyDir(above.Volume, "force-shared").Short()}=true on the pod");
            else if (mount.SharedPropagation is { } propagation)
                throw new VolumeException(
                    $"mount {mount.Destination.Short()} has the propagation {propagation} (Bidirectional), which "
                    + "gVisor does not support: what is mounted in a sandbox cannot appear on the node; use "
                    + "HostToContainer or None");
        }
        facts.SharedMemory?.RewriteMounts(mounts, edits);
    }

    private SpecMount InSandbox(SpecMount mount, VolumeDecision decision)
    {
        if (mount.SharedPropagation is { } propagation)
            warnings.Add($"propagation {propagation} of mount {mount.Destination.Short()} is ignored: volume "
                + $"{decision.Volume} is in the sandbox, and nothing on the node is mounted in it");
        SpecMount rewritten = mount with { Source = decision.Path };
        return decision.Medium == VolumeMedium.Memory ? rewritten.AsTmpfs() : rewritten.AsBind();
    }

    /// <summary>Whether it can be a volume: a bind mount, or the tmpfs that an earlier rewrite made of one.</summary>
    private static bool IsOfNode(SpecMount mount) => mount.IsBind || mount.Type == "tmpfs";
}
