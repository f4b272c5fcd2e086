namespace Shim.Volumes;

/// <summary>
/// Decides about the volumes of a pod that is restored from an image. They are as they were in the saved pod, because
/// runsc restores nothing else, whatever the new pod asks for. Only their directories on the node are new. Pure.
/// </summary>
internal static class RestoredVolumes
{
    /// <summary>Decides about all volumes of a pod whose sandbox is being restored.</summary>
    /// <param name="saved">The decisions that the image was made with.</param>
    /// <param name="pod">The new pod's volumes.</param>
    /// <param name="warnings">Gets one sentence for each volume of the new pod that the image does not have.</param>
    /// <exception cref="VolumeException">
    /// The image holds a volume that the new pod does not have, or that something else uses.
    /// </exception>
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
                    Why = Find(saved, volume.Name) is null
                        ? "the image has no such volume" : "the image does not hold it",
                });
        foreach (VolumeDecision inImage in saved.Volumes)
            if (!inImage.IsPassthrough && !decisions.Exists(each => each.Volume == inImage.Volume))
                throw Unrestorable(inImage.Volume, $"pod {pod.PodUid} has no such emptyDir in {pod.VolumesDirectory}; "
                    + "the pod must have the volumes of the pod that was saved");
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

    /// <summary>Refuses to restore a pod whose volumes cannot be found.</summary>
    /// <param name="saved">The decisions that the image was made with.</param>
    /// <param name="why">Why they cannot.</param>
    /// <exception cref="VolumeException">The image holds a volume.</exception>
    public static void RequireNone(VolumeDecisions saved, string why)
    {
        foreach (VolumeDecision inImage in saved.Volumes)
            if (!inImage.IsPassthrough)
                throw Unrestorable(inImage.Volume, why);
    }

    private static VolumeDecision InSandbox(VolumeDecision inImage, PodVolume volume, PodVolumes pod) =>
        volume.Directory is { OtherUse: null }
            ? inImage with { Path = volume.Path, Rule = VolumeRule.Restored, Why = "the image holds it" }
            : throw Unrestorable(volume.Name, $"in pod {pod.PodUid} " + (volume.Directory is { } directory
                ? $"something else uses {volume.Path}: {directory.OtherUse}" : $"{volume.Path} is gone"));

    private static VolumeException Unrestorable(string volume, string why) =>
        new($"volume {volume.Short()} cannot be restored: the image holds it, but {why}");

    private static VolumeDecision? Find(VolumeDecisions saved, string volume)
    {
        foreach (VolumeDecision decision in saved.Volumes)
            if (decision.Volume == volume)
                return decision;
        return null;
    }
}
