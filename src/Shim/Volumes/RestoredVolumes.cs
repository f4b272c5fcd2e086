namespace Shim.Volumes;

/// <summary>
/// The volumes of a pod that comes back from an image are as the image has them: runsc restores nothing else, whatever
/// the new pod asks for. Only where they are on the node is new. Pure.
/// </summary>
internal static class RestoredVolumes
{
    /// <summary>Decides about all volumes of a pod whose sandbox is being restored.</summary>
    /// <param name="saved">What the image was made with.</param>
    /// <param name="pod">The new pod's volumes.</param>
    /// <param name="warnings">Gets a sentence for each thing that is not as the new pod would have it.</param>
    /// <exception cref="VolumeException">The new pod has no volume for one that the image holds.</exception>
    public static VolumeDecisions Decide(VolumeDecisions saved, PodVolumes pod, ICollection<string> warnings)
    {
        List<VolumeDecision> decisions = [];
        foreach (PodVolume volume in pod.Volumes)
            if (Find(saved, volume.Name) is { IsPassthrough: false } inImage && volume.IsEmptyDir)
                decisions.Add(InSandbox(inImage, volume, pod));
            else if (volume.IsEmptyDir)
                decisions.Add(new VolumeDecision
                {
                    Volume = volume.Name,
                    Path = volume.Path,
                    Rule = VolumeRule.Restored,
                    Why = Find(saved, volume.Name) is null ? "the image has no such volume" : "the image does not hold it",
                });
        foreach (VolumeDecision inImage in saved.Volumes)
            if (!inImage.IsPassthrough && !decisions.Exists(each => each.Volume == inImage.Volume))
                throw new VolumeException($"the image holds volume {inImage.Volume}, and pod {pod.PodUid} has no such emptyDir "
                    + $"in {pod.VolumesDirectory}: it must have the volumes of the pod that was saved");
        foreach (VolumeDecision decision in decisions)
            if (decision.IsPassthrough && Find(saved, decision.Volume) is null)
                warnings.Add($"volume {decision.Volume} is passed through: the image has no such volume");
        return new VolumeDecisions
        {
            PodUid = pod.PodUid,
            Directory = pod.Directory,
            ResolvedDirectory = pod.ResolvedDirectory,
            Volumes = decisions,
        };
    }

    private static VolumeDecision InSandbox(VolumeDecision inImage, PodVolume volume, PodVolumes pod) =>
        volume.Directory is { OtherUse: null }
            ? inImage with { Path = volume.Path, Rule = VolumeRule.Restored, Why = "the image holds it" }
            : throw new VolumeException(
                $"the image holds volume {volume.Name}, but of pod {pod.PodUid} somebody else uses {volume.Path}: "
                + (volume.Directory?.OtherUse ?? "its directory is gone"));

    private static VolumeDecision? Find(VolumeDecisions saved, string volume)
    {
        foreach (VolumeDecision decision in saved.Volumes)
            if (decision.Volume == volume)
                return decision;
        return null;
    }
}
