namespace Shim.Volumes;

/// <summary>
/// What is to be done about the volumes of a pod whose sandbox is being created: facts read, decisions made, nothing
/// changed yet. The same for <c>explain</c>, which goes no further.
/// </summary>
/// <param name="Decisions">What was decided.</param>
/// <param name="Pod">The volumes as they were found; null where it is not known which pod it is.</param>
/// <param name="Requests">What the annotations ask for.</param>
/// <param name="Warnings">What is not done as it was asked, a sentence each.</param>
internal sealed record VolumePlan(
    VolumeDecisions Decisions, PodVolumes? Pod, VolumeAnnotations Requests, IReadOnlyList<string> Warnings)
{
    /// <summary>Looks at the pod's volumes and decides. Blocks where a pod is named.</summary>
    /// <param name="annotations">The sandbox's annotations.</param>
    /// <param name="podUid">The pod; null where it is not known.</param>
    /// <param name="kubeletRoot">Kubelet's directory.</param>
    /// <param name="configured">Whether the node's configuration says <c>empty_dir = "pod"</c>.</param>
    /// <param name="saved">What the image was made with, for a sandbox that comes back from one; else null.</param>
    /// <exception cref="VolumeException">What is asked cannot be done.</exception>
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
