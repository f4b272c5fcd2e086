namespace Shim.Volumes;

/// <summary>
/// What is to be done about the volumes of a pod whose sandbox is being created. Facts are read and decisions made, but
/// nothing is changed yet; <c>explain</c> stops here.
/// </summary>
/// <param name="Decisions">The decisions.</param>
/// <param name="Pod">The volumes on the node; null if the pod is not known.</param>
/// <param name="Requests">What the annotations request.</param>
/// <param name="Warnings">One sentence for each request that is ignored.</param>
internal sealed record VolumePlan(
    VolumeDecisions Decisions, PodVolumes? Pod, VolumeAnnotations Requests, IReadOnlyList<string> Warnings)
{
    /// <summary>Reads the pod's volumes and decides. Blocks if a pod is given.</summary>
    /// <param name="annotations">The sandbox's annotations.</param>
    /// <param name="podUid">The pod's uid; null if it is not known.</param>
    /// <param name="kubeletRoot">Kubelet's directory.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <param name="saved">The decisions in the image that the sandbox is restored from; null if none.</param>
    /// <exception cref="VolumeException">A request is impossible.</exception>
    public static VolumePlan Make(IReadOnlyDictionary<string, string> annotations, string? podUid, string kubeletRoot,
        bool configured, VolumeDecisions? saved = null)
    {
        VolumeAnnotations requests = VolumeAnnotations.Parse(annotations);
        PodVolumes? pod = podUid is null ? null : PodVolumesReader.Read(kubeletRoot, podUid);
        List<string> warnings = [];
        VolumeDecisions decisions = pod is not null && saved is { PodUid.Length: > 0 }
            ? RestoredVolumes.Decide(saved, pod, warnings)
            : VolumeDecider.Decide(requests, pod, configured, warnings);
        return new VolumePlan(decisions, pod, requests, warnings);
    }
}
