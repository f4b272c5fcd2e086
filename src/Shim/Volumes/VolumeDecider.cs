namespace Shim.Volumes;

/// <summary>Decides about all volumes of a pod, once, when its sandbox is created. Pure.</summary>
internal static class VolumeDecider
{
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
}
