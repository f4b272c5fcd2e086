using System.Globalization;
using Linux;
using Shim.Oci;

namespace Shim.Volumes;

/// <summary>
/// The shared memory of a pod, <c>/dev/shm</c>. The CRI mounts a tmpfs on the node for each pod and binds it into the
/// containers. A sandbox has memory of its own, so here it becomes one tmpfs in the sandbox, which the containers share
/// through a hint that the shim adds. Any other directory that is mounted there stays what it is.
/// </summary>
/// <param name="Source">The CRI's tmpfs on the node.</param>
/// <param name="Size">The limit of its size in bytes; null if it has none, or cannot be looked at.</param>
internal sealed record SharedMemory(string Source, ulong? Size)
{
    /// <summary>The hint's name, the same as in gVisor's own shim.</summary>
    public const string HintName = "gvisorinternaldevshm";

    private const string MountPoint = "/dev/shm";

    /// <summary>
    /// The source of the pod's shared memory: the directory <c>shm</c> below one with the sandbox's id, as containerd
    /// (<c>…/sandboxes/ID/shm</c>) and CRI-O (<c>…/overlay-containers/ID/userdata/shm</c>) have it. Null if none of
    /// <paramref name="mounts"/> is of it, as with <c>hostIPC</c>.
    /// </summary>
    public static string? SourceIn(IReadOnlyList<SpecMount> mounts, string? sandboxId)
    {
        if (sandboxId is not { Length: > 0 })
            return null;
        foreach (SpecMount mount in mounts)
            if (IsThere(mount) && (mount.IsBind || mount.Type == "tmpfs") && mount.Source.StartsWith('/')
                && mount.Source.EndsWith("/shm", StringComparison.Ordinal)
                && mount.Source.Contains($"/{sandboxId}/", StringComparison.Ordinal))
                return mount.Source;
        return null;
    }

    /// <summary>Looks at the source. Blocks.</summary>
    public static SharedMemory Read(string source)
    {
        try
        {
            using OpenDirectory? directory = OpenDirectory.TryOpen(source);
            return new SharedMemory(source, directory?.SizeInMemory);
        }
        catch (LinuxException)
        {
            // The pod can do without the limit.
            return new SharedMemory(source, null);
        }
    }

    /// <summary>Makes the mounts tmpfs, and removes others at the same place.</summary>
    public void RewriteMounts(IReadOnlyList<SpecMount> mounts, SpecEdits edits)
    {
        for (int i = 0; i < mounts.Count; i++)
            if (!IsThere(mounts[i]))
                continue;
            else if (mounts[i].Source == Source)
                edits.Replace(i, mounts[i].AsTmpfs());
            else if (mounts[i].Type == "tmpfs" && !mounts[i].Source.StartsWith('/'))
                edits.Remove(i);
    }

    /// <summary>Adds the hint, which runsc reads in the sandbox's specification.</summary>
    public void SetHint(SpecEdits edits)
    {
        edits.Set(VolumeAnnotations.Hint(HintName, "source"), Source);
        edits.Set(VolumeAnnotations.Hint(HintName, "type"), "tmpfs");
        edits.Set(VolumeAnnotations.Hint(HintName, "share"), "pod");
        edits.Set(VolumeAnnotations.Hint(HintName, "options"),
            Size is { } size ? string.Create(CultureInfo.InvariantCulture, $"rw,size={size}") : "rw");
    }

    /// <summary>Removes a pod's own hint under the shim's name: it is not about a volume.</summary>
    public static void RemoveHint(SpecEdits edits)
    {
        foreach (string field in (ReadOnlySpan<string>)["source", "type", "share", "options", "directfs"])
            edits.Remove(VolumeAnnotations.Hint(HintName, field));
    }

    private static bool IsThere(SpecMount mount) => mount.Destination.TrimEnd('/') == MountPoint;
}
