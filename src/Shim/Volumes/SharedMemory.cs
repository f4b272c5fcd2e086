using Shim.Oci;

namespace Shim.Volumes;

/// <summary>
/// <c>/dev/shm</c>. CRI makes a tmpfs on the node for a pod and binds it into the containers; the sandbox has its own
/// memory, so there it is one tmpfs in the sandbox, which the containers share by a hint of the shim's own.
/// </summary>
internal static class SharedMemory
{
    /// <summary>The hint's name; gVisor's shim has the same.</summary>
    public const string HintName = "gvisorinternaldevshm";

    private const string MountPoint = "/dev/shm";

    /// <summary>Makes binds on <c>/dev/shm</c> tmpfs; one that is a volume of the pod's stays what that is.</summary>
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
        // A hint that the pod brought under this name would be about no volume of its own.
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

    // Also where it is a tmpfs already: then this has been done before.
    private static bool IsShared(
        SpecMount mount, VolumeDecisions decisions, IReadOnlyDictionary<string, string> aliases) =>
        mount.Destination.TrimEnd('/') == MountPoint && mount.Source.StartsWith('/')
        && (mount.IsBind || mount.Type == "tmpfs")
        && decisions.At(mount.Source) is null && !decisions.IsOfPod(mount.Source) && !aliases.ContainsKey(mount.Source);

    private static bool IsPlain(SpecMount mount) =>
        mount.Destination.TrimEnd('/') == MountPoint && mount.Type == "tmpfs" && !mount.Source.StartsWith('/');
}
