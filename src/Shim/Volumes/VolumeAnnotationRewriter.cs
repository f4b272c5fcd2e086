using Shim.Oci;

namespace Shim.Volumes;

/// <summary>
/// Writes the hints and mounts that make runsc turn an emptyDir into a disk-backed file system of the sandbox, which
/// all containers of the pod share and which checkpoints capture.
/// </summary>
/// <remarks>
/// A pure function from annotations, mounts and decisions to edits. runsc reads hints only in the sandbox's
/// specification, and matches them to mounts by comparing sources as text, so only the shim writes sources, and always
/// the same ones. The first mount of a shared volume decides its medium for all, so a volume's mounts are all bind or
/// all tmpfs. Rewriting a rewritten specification changes nothing.
/// </remarks>
internal static class VolumeAnnotationRewriter
{
    private const string HostUds = "dev.gvisor.flag.host-uds";

    /// <summary>Edits the specification of the sandbox, which is the pod's first container.</summary>
    /// <param name="annotations">Its annotations.</param>
    /// <param name="mounts">Its mounts.</param>
    /// <param name="requests">What <paramref name="annotations"/> request.</param>
    /// <param name="decisions">The decisions about the pod's volumes.</param>
    /// <param name="aliases">Mount sources that are a volume's directory under another path, and that volume's.</param>
    /// <param name="edits">Receives the changes.</param>
    /// <param name="isOfPod">Whether it is a pod's, so that a stranger wrote its annotations.</param>
    /// <exception cref="VolumeException">A mount is impossible.</exception>
    public static void RewriteSandbox(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        VolumeAnnotations requests, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases,
        SpecEdits edits, bool isOfPod)
    {
        if (isOfPod || decisions.PodUid.Length > 0)
            RemoveStrayHints(requests, decisions, edits);
        foreach (VolumeDecision decision in decisions.Volumes)
        {
            if (decision.IsPassthrough)
                RemoveHint(requests.Find(decision.Volume), edits);
            else
                SetHint(decision, requests.Find(decision.Volume), edits);
            if (IsOfFuseDriver(decision))
                OpenHostSockets(edits);
        }
        RewriteMounts(mounts, decisions, aliases, edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: true, edits);
    }

    /// <summary>Edits the specification of a container that joins a sandbox.</summary>
    /// <param name="annotations">Its annotations.</param>
    /// <param name="mounts">Its mounts.</param>
    /// <param name="decisions">The decisions about the pod's volumes.</param>
    /// <param name="aliases">Mount sources that are a volume's directory under another path, and that volume's.</param>
    /// <param name="edits">Receives the changes.</param>
    /// <exception cref="VolumeException">A mount is impossible.</exception>
    public static void RewriteContainer(IReadOnlyDictionary<string, string> annotations,
        IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases,
        SpecEdits edits)
    {
        RewriteMounts(mounts, decisions, aliases, edits);
        foreach (SpecMount mount in mounts)
            if (IsOfNode(mount) && IsOfFuseDriver(decisions.At(SourceOf(mount, aliases))))
                OpenHostSockets(edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: false, edits);
    }

    /// <summary>A pod that has only a volume of this name does not get the node's sockets for it.</summary>
    private static bool IsOfFuseDriver(VolumeDecision? decision) =>
        decision is { Volume: VolumeRules.FuseVolume, Rule: VolumeRule.ForceShared or VolumeRule.UsedByOthers };

    private static void OpenHostSockets(SpecEdits edits)
    {
        if (edits.ValueOf(HostUds) is null)
            edits.Set(HostUds, "open");
    }

    private static void SetHint(VolumeDecision decision, VolumeRequest? request, SpecEdits edits)
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

    private static void RemoveHint(VolumeRequest? request, SpecEdits edits)
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
    private static void RemoveStrayHints(VolumeAnnotations requests, VolumeDecisions decisions, SpecEdits edits)
    {
        var decided = new HashSet<string>(StringComparer.Ordinal);
        foreach (VolumeDecision decision in decisions.Volumes)
            decided.Add(decision.Volume);
        foreach (VolumeRequest request in requests.Requests)
            if (!decided.Contains(request.Name))
                RemoveHint(request, edits);
    }

    private static void RewriteMounts(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions,
        IReadOnlyDictionary<string, string> aliases, SpecEdits edits)
    {
        for (int i = 0; i < mounts.Count; i++)
        {
            SpecMount mount = mounts[i];
            if (!IsOfNode(mount))
                continue;
            string source = SourceOf(mount, aliases);
            if (decisions.At(source) is { } decision)
            {
                if (decision.IsPassthrough)
                    continue;
                SpecMount rewritten = mount with { Source = decision.Path };
                edits.Replace(i, decision.Medium == VolumeMedium.Memory ? rewritten.AsTmpfs() : rewritten.AsBind());
            }
            else if (decisions.Above(source) is { IsPassthrough: false } above)
                throw new VolumeException(
                    $"mount {mount.Destination.Short()} is a subPath of volume {above.Volume.Short()}, which is in the "
                    + $"sandbox ({above.Outcome}) and not in {mount.Source.Short()} on the node; mount the whole "
                    + "volume, or set annotation "
                    + $"{VolumeAnnotations.EmptyDir(above.Volume, "force-shared").Short()}=true on the pod");
        }
    }

    /// <summary>Whether it can be a volume: a bind mount, or the tmpfs that an earlier rewrite made of one.</summary>
    private static bool IsOfNode(SpecMount mount) => mount.IsBind || mount.Type == "tmpfs";

    private static string SourceOf(SpecMount mount, IReadOnlyDictionary<string, string> aliases) =>
        aliases.GetValueOrDefault(mount.Source) ?? mount.Source;
}
