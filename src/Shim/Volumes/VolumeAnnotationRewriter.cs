namespace Shim.Volumes;

/// <summary>
/// Gives runsc the hints and the mounts that make an emptyDir a disk-backed file system of the sandbox's own, which
/// all containers of the pod share and which checkpoints capture.
/// </summary>
/// <remarks>
/// A pure function: annotations, mounts and what is on the node in, decisions and edits out. runsc reads hints in the
/// sandbox's specification only, and matches them to mounts by their source as text: so a source is written by the shim
/// alone, and the same everywhere. Whoever mounts a shared volume first decides for all, so a volume's mounts are all
/// bind or all tmpfs. What comes out goes in again unchanged.
/// </remarks>
public static class VolumeAnnotationRewriter
{
    private const string FuseVolume = "gke-gcsfuse-tmp"; // its sidecar listens there on a socket of the node
    private const string HostUds = "dev.gvisor.flag.host-uds";

    /// <summary>Decides about all volumes of a pod whose sandbox is being created.</summary>
    /// <param name="annotations">What the pod asks for.</param>
    /// <param name="pod">Its volumes on the node; null where it is not known which pod it is.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <param name="warnings">Gets a sentence for each thing that is not done as it was asked.</param>
    /// <exception cref="VolumeException">What is asked cannot be done.</exception>
    public static VolumeDecisions Decide(
        VolumeAnnotations annotations, PodVolumes? pod, bool configured, ICollection<string> warnings)
    {
        foreach (string warning in annotations.Warnings)
            warnings.Add(warning);
        if (pod is null)
        {
            if (annotations.Requests.Count > 0)
                warnings.Add("volumes are left as they are: no annotation tells the uid of the pod");
            return VolumeDecisions.None;
        }
        if (configured && !pod.Exists)
            warnings.Add($"empty_dir = \"pod\" has no effect on this pod: there is no {pod.VolumesDirectory} "
                + "(kubelet_root of the shim's configuration must be kubelet's)");
        List<VolumeDecision> decisions = [];
        foreach (PodVolume volume in pod.Volumes)
            if (volume.IsEmptyDir)
                decisions.Add(VolumeRules.Decide(volume, annotations.Find(volume.Name), configured));
        foreach (VolumeRequest request in annotations.Requests)
            if (DecideOther(request, pod, warnings) is { } decision)
                decisions.Add(decision);
        decisions.Sort(static (a, b) => string.CompareOrdinal(a.Volume, b.Volume));
        foreach (VolumeDecision decision in decisions)
            if (annotations.Find(decision.Volume)?.Source is { Length: > 0 } source && source != decision.Path)
                warnings.Add($"annotation {VolumeAnnotations.Hint(decision.Volume, "source")}=\"{source}\" is ignored: "
                    + $"the volume's source is {decision.Path}");
        return new VolumeDecisions
        {
            PodUid = pod.PodUid,
            Directory = pod.Directory,
            ResolvedDirectory = pod.ResolvedDirectory,
            Volumes = decisions,
        };
    }

    /// <summary>What to change in the specification of the sandbox, that is of the pod's first container.</summary>
    /// <param name="annotations">Its annotations.</param>
    /// <param name="mounts">Its mounts.</param>
    /// <param name="requests">What <paramref name="annotations"/> ask for.</param>
    /// <param name="decisions">What was decided.</param>
    /// <param name="aliases">Sources of its mounts that are a volume's directory under another path.</param>
    /// <param name="edits">Gets the changes.</param>
    /// <exception cref="VolumeException">A mount cannot be had.</exception>
    public static void RewriteSandbox(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        VolumeAnnotations requests, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases, SpecEdits edits)
    {
        if (decisions.PodUid.Length > 0)
            RemoveStrayHints(requests, decisions, edits);
        foreach (VolumeDecision decision in decisions.Volumes)
        {
            if (decision.IsPassthrough)
                RemoveHint(requests.Find(decision.Volume), edits);
            else
                SetHint(decision, requests.Find(decision.Volume), edits);
            if (decision is { Volume: FuseVolume, IsPassthrough: true } && !annotations.ContainsKey(HostUds))
                edits.Set(HostUds, "open");
        }
        RewriteMounts(annotations, mounts, decisions, aliases, edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: true, edits);
    }

    /// <summary>What to change in the specification of a container that joins a sandbox.</summary>
    /// <inheritdoc cref="RewriteSandbox"/>
    public static void RewriteContainer(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases, SpecEdits edits)
    {
        RewriteMounts(annotations, mounts, decisions, aliases, edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: false, edits);
    }

    /// <summary>A request that is about no emptyDir; null for one that is, or that can be left alone.</summary>
    private static VolumeDecision? DecideOther(VolumeRequest request, PodVolumes pod, ICollection<string> warnings)
    {
        List<PodVolume> matches = [];
        foreach (PodVolume volume in pod.Volumes)
            if (volume.Name == request.Name)
                matches.Add(volume);
        if (matches.Count != 1 && request.WantsSandbox)
            throw new VolumeException(
                $"volume {request.Name} of pod {pod.PodUid}: annotations ask for it, but " + (pod, matches.Count) switch
                {
                    ({ Exists: false }, _) => $"there is no {pod.VolumesDirectory}: kubelet has not made it on this node, "
                        + "or kubelet_root of the shim's configuration is not kubelet's",
                    (_, 0) => $"{pod.VolumesDirectory} has no such volume: only an emptyDir can be kept in the sandbox "
                        + "(a claim's directory has its PersistentVolume's name, a hostPath has none)",
                    _ => $"{pod.VolumesDirectory} has {matches.Count} volumes of that name",
                });
        if (matches.Count == 0)
        {
            warnings.Add($"annotations about volume {request.Name} are ignored: pod {pod.PodUid} has no such emptyDir");
            return null;
        }
        PodVolume other = matches[0];
        if (matches.Exists(static volume => volume.IsEmptyDir))
            return null;
        if (request.HintAnnotations.Count > 0)
            warnings.Add($"hint on volume {request.Name} is dropped: it is no emptyDir but {other.Plugin}, "
                + "whose data outlives the pod");
        else if (request.WantsSandbox)
            warnings.Add($"annotations about volume {request.Name} are ignored: it is no emptyDir but {other.Plugin}");
        return new VolumeDecision
        {
            Volume = other.Name,
            Path = other.Path,
            Rule = VolumeRule.OtherVolumeType,
            Why = $"it is no emptyDir but {other.Plugin}",
        };
    }

    private static void SetHint(VolumeDecision decision, VolumeRequest? request, SpecEdits edits)
    {
        string volume = decision.Volume;
        edits.Set(VolumeAnnotations.Hint(volume, "type"), "tmpfs");
        edits.Set(VolumeAnnotations.Hint(volume, "share"), decision.Share == VolumeShare.Pod ? "pod" : "container");
        edits.Set(VolumeAnnotations.Hint(volume, "source"), decision.Path);
        edits.Set(VolumeAnnotations.Hint(volume, "options"), decision.Options);
        // The hint's type tells the medium here, and tmpfs would tell another one from now on.
        if (decision is { Rule: VolumeRule.SharedByContainer, Medium: VolumeMedium.Disk } && request is { Medium: null })
            edits.Set(VolumeAnnotations.EmptyDir(volume, "medium"), "disk");
    }

    private static void RemoveHint(VolumeRequest? request, SpecEdits edits)
    {
        foreach (string annotation in request?.HintAnnotations ?? [])
            edits.Remove(annotation);
        // The hint said this, and is gone.
        if (request is { Share: "shared", ForceShared: false })
            edits.Set(VolumeAnnotations.EmptyDir(request.Name, "force-shared"), "true");
    }

    /// <summary>
    /// A hint that is about no volume of the pod's could still name the source of one, or of any other mount.
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

    private static void RewriteMounts(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases, SpecEdits edits)
    {
        for (int i = 0; i < mounts.Count; i++)
        {
            SpecMount mount = mounts[i];
            if (!mount.IsBind && mount.Type != "tmpfs")
                continue;
            string source = aliases.GetValueOrDefault(mount.Source) ?? mount.Source;
            if (decisions.At(source) is { } decision)
            {
                if (decision is { Volume: FuseVolume, IsPassthrough: true } && !annotations.ContainsKey(HostUds))
                    edits.Set(HostUds, "open");
                if (decision.IsPassthrough)
                    continue;
                SpecMount rewritten = mount with { Source = decision.Path };
                edits.Replace(i, decision.Medium == VolumeMedium.Memory ? rewritten.AsTmpfs() : rewritten.AsBind());
            }
            else if (decisions.Above(source) is { IsPassthrough: false } above)
                throw new VolumeException(
                    $"mount {mount.Destination} is a subPath of volume {above.Volume}, which is in the sandbox "
                    + $"({above.Outcome}): the directory {mount.Source} of the node is another place. Mount the whole "
                    + $"volume, or set {VolumeAnnotations.EmptyDir(above.Volume, "force-shared")}=true on the pod");
        }
    }
}
