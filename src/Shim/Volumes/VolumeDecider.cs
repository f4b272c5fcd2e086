namespace Shim.Volumes;

/// <summary>Decides about all volumes of a pod, once, when its new sandbox is created. Pure.</summary>
internal static class VolumeDecider
{
    /// <summary>Decides about all volumes of a pod whose sandbox is being created.</summary>
    /// <param name="annotations">What the pod requests.</param>
    /// <param name="pod">Its volumes on the node; null if the pod is not known.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <param name="warnings">Receives one sentence for each request that is ignored.</param>
    /// <exception cref="VolumeException">A request is impossible.</exception>
    public static VolumeDecisions Decide(
        VolumeAnnotations annotations, PodVolumes? pod, bool configured, ICollection<string> warnings)
    {
        foreach (string warning in annotations.Warnings)
            warnings.Add(warning);
        if (pod is null)
        {
            if (annotations.Requests.Count > 0)
                warnings.Add("annotations about volumes are ignored: no annotation gives the uid of the pod");
            return VolumeDecisions.None;
        }
        if (configured && !pod.Exists)
            warnings.Add($"empty_dir = \"pod\" has no effect on this pod: {pod.VolumesDirectory} does not exist "
                + "(kubelet_root in the shim's configuration must be kubelet's directory)");
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
                warnings.Add($"annotation {VolumeAnnotations.Hint(decision.Volume, "source")}=\"{source.Short()}\" is "
                    + $"ignored: the volume's source is {decision.Path}");
        return new VolumeDecisions
        {
            PodUid = pod.PodUid,
            Directory = pod.Directory,
            ResolvedDirectory = pod.ResolvedDirectory,
            Volumes = decisions,
        };
    }

    /// <summary>
    /// Decides about a request for something other than an emptyDir; null for an emptyDir, and for a volume that does
    /// not exist and need not.
    /// </summary>
    private static VolumeDecision? DecideOther(VolumeRequest request, PodVolumes pod, ICollection<string> warnings)
    {
        List<PodVolume> matches = [];
        foreach (PodVolume volume in pod.Volumes)
            if (volume.Name == request.Name)
                matches.Add(volume);
        if (matches.Count != 1 && request.WantsSandbox)
            throw new VolumeException($"volume {request.Name} of pod {pod.PodUid} cannot be kept in the sandbox: "
                + (pod, matches.Count) switch
                {
                    ({ Exists: false }, _) => $"{pod.VolumesDirectory} does not exist: kubelet has not created it on "
                        + "this node, or kubelet_root in the shim's configuration is not kubelet's directory",
                    (_, 0) => $"{pod.VolumesDirectory} has no such volume, and only an emptyDir can be kept there "
                        + "(a claim's directory has the name of its PersistentVolume, a hostPath has none)",
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
            warnings.Add($"hint about volume {request.Name} is removed: {NotAnEmptyDir(other)}, "
                + "and its data outlives the pod");
        else if (request.WantsSandbox)
            warnings.Add($"annotations about volume {request.Name} are ignored: {NotAnEmptyDir(other)}");
        return new VolumeDecision
        {
            Volume = other.Name,
            Path = other.Path,
            Rule = VolumeRule.OtherVolumeType,
            Why = NotAnEmptyDir(other),
        };
    }

    private static string NotAnEmptyDir(PodVolume volume) => $"not an emptyDir ({volume.Plugin})";
}
