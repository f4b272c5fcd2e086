using Shim.Oci;

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
internal static class VolumeAnnotationRewriter
{
    private const string FuseVolume = "gke-gcsfuse-tmp"; // its sidecar listens there on a socket of the node
    private const string HostUds = "dev.gvisor.flag.host-uds";

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
            if (IsOfFuseDriver(decision))
                OpenHostSockets(annotations, edits);
        }
        RewriteMounts(mounts, decisions, aliases, edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: true, edits);
    }

    /// <summary>What to change in the specification of a container that joins a sandbox.</summary>
    /// <inheritdoc cref="RewriteSandbox"/>
    public static void RewriteContainer(IReadOnlyDictionary<string, string> annotations, IReadOnlyList<SpecMount> mounts,
        VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases, SpecEdits edits)
    {
        RewriteMounts(mounts, decisions, aliases, edits);
        foreach (SpecMount mount in mounts)
            if (IsOfNode(mount) && IsOfFuseDriver(decisions.At(SourceOf(mount, aliases))))
                OpenHostSockets(annotations, edits);
        SharedMemory.Rewrite(mounts, decisions, aliases, isSandbox: false, edits);
    }

    private static bool IsOfFuseDriver(VolumeDecision? decision) =>
        decision is { Volume: FuseVolume, IsPassthrough: true };

    private static void OpenHostSockets(IReadOnlyDictionary<string, string> annotations, SpecEdits edits)
    {
        if (!annotations.ContainsKey(HostUds))
            edits.Set(HostUds, "open");
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
                    $"mount {mount.Destination} is a subPath of volume {above.Volume}, which is in the sandbox "
                    + $"({above.Outcome}): the directory {mount.Source} of the node is another place. Mount the whole "
                    + $"volume, or set {VolumeAnnotations.EmptyDir(above.Volume, "force-shared")}=true on the pod");
        }
    }

    /// <summary>Whether a mount can be of a volume: a bind, or the tmpfs that a rewriting made of one.</summary>
    private static bool IsOfNode(SpecMount mount) => mount.IsBind || mount.Type == "tmpfs";

    private static string SourceOf(SpecMount mount, IReadOnlyDictionary<string, string> aliases) =>
        aliases.GetValueOrDefault(mount.Source) ?? mount.Source;
}
