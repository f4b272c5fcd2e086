using Shim.Oci;

namespace Shim.Volumes;

/// <summary>
/// <c>/dev/shm</c>. The CRI mounts a tmpfs on the node for each pod and binds it into the containers. A sandbox has
/// memory of its own, so here it becomes one tmpfs in the sandbox, which the containers share through a hint that the
/// shim adds.
/// </summary>
internal static class SharedMemory
{
    /// <summary>The hint's name, the same as in gVisor's own shim.</summary>
    public const string HintName = "gvisorinternaldevshm";

    private const string MountPoint = "/dev/shm";

    /// <summary>Turns bind mounts on <c>/dev/shm</c> into tmpfs, except those of a volume of the pod.</summary>
    public static void Rewrite(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions,
        IReadOnlyDictionary<string, string> aliases, bool isSandbox, SpecEdits edits)
    {
        string? source = null;
        for (int i = 0; i < mounts.Count; i++)
        {
            if (!IsShared(mounts[i], decisions, aliases))
                continue;
            source ??= mounts[i].Source;
            edits.Replace(i, mounts[i].AsTmpfs());
        }
        // The name is the shim's, so a hint of the pod under it is not about a volume.
        foreach (string field in (ReadOnlySpan<string>)["source", "type", "share", "options", "directfs"])
            edits.Remove(VolumeAnnotations.Hint(HintName, field));
        if (source is null)
            return;
        for (int i = 0; i < mounts.Count; i++)
            if (IsPlain(mounts[i]))
                edits.Remove(i);
        if (!isSandbox)
            return;
        edits.Set(VolumeAnnotations.Hint(HintName, "source"), source);
        edits.Set(VolumeAnnotations.Hint(HintName, "type"), "tmpfs");
        edits.Set(VolumeAnnotations.Hint(HintName, "share"), "pod");
        edits.Set(VolumeAnnotations.Hint(HintName, "options"), "rw");
    }

    // A tmpfs with such a source is the result of an earlier rewrite.
    private static bool IsShared(
        SpecMount mount, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases) =>
        mount.Destination.TrimEnd('/') == MountPoint && mount.Source.StartsWith('/')
        && (mount.IsBind || mount.Type == "tmpfs")
        && decisions.At(mount.Source) is null && !decisions.IsOfPod(mount.Source) && !aliases.ContainsKey(mount.Source);

    private static bool IsPlain(SpecMount mount) =>
        mount.Destination.TrimEnd('/') == MountPoint && mount.Type == "tmpfs" && !mount.Source.StartsWith('/');
}
