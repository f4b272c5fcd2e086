using Linux;
using Shim.Runsc;

namespace Shim.Volumes;

/// <summary>The files in emptyDirs that hold the pages of volumes in sandboxes. Blocks.</summary>
internal static class FileStores
{
    /// <summary>The prefix of their names; the sandbox's id in runsc follows.</summary>
    public const string Prefix = ".gvisor.filestore.";

    /// <summary>
    /// How many are looked at in a volume. There is one for each sandbox that was lost; the pod can make any number of
    /// files of such names.
    /// </summary>
    public const int Most = 1000;

    /// <summary>
    /// Removes a sandbox's file store from the root file system in which a runsc that was killed has left it: as long
    /// as it is there, runsc creates no container with that root file system again.
    /// </summary>
    /// <param name="rootfs">The mounted root file system. Nothing in it is trusted, and no link is followed.</param>
    /// <param name="sandbox">The sandbox: containerd's id of its first container.</param>
    /// <exception cref="LinuxException">It cannot be removed.</exception>
    public static void RemoveFrom(string rootfs, string sandbox)
    {
        using OpenDirectory? directory = OpenDirectory.TryOpen(rootfs);
        directory?.Unlink(Prefix + RunscId.For(sandbox));
    }

    /// <summary>
    /// Unmounts a root file system and removes the sandbox's file store from it. In this order: a runsc that is still
    /// at work could make another one until the path leads nowhere.
    /// </summary>
    /// <inheritdoc cref="RemoveFrom"/>
    /// <exception cref="IOException">Something cannot be unmounted.</exception>
    public static void UnmountAndRemoveFrom(string rootfs, string sandbox)
    {
        using OpenDirectory? directory = OpenDirectory.TryOpen(rootfs);
        try
        {
            Mounts.UnmountAll(rootfs);
        }
        finally
        {
            directory?.Unlink(Prefix + RunscId.For(sandbox));
        }
    }

    /// <summary>
    /// Removes the file stores of sandboxes that no longer exist: a sandbox that is lost when its node crashes leaves
    /// them behind, and nothing else removes them.
    /// </summary>
    /// <param name="kubeletRoot">Kubelet's directory.</param>
    /// <param name="pod">The pod.</param>
    /// <param name="volume">One of its emptyDirs.</param>
    /// <param name="sandboxes">The ids of the containers that runsc has.</param>
    /// <returns>The names of the removed files.</returns>
    /// <exception cref="VolumeException">A file could not be removed.</exception>
    public static IReadOnlyList<string> RemoveStale(
        string kubeletRoot, string pod, PodVolume volume, IReadOnlySet<string> sandboxes)
    {
        List<string> removed = [];
        if (volume.Directory is not { FileStores.Count: > 0 } directory)
            return removed;
        try
        {
            using OpenDirectory? root = OpenDirectory.TryOpen(PodVolumesReader.PodsOf(kubeletRoot));
            using OpenDirectory? own = root?.TryOpenIn(pod);
            using OpenDirectory? volumes = own?.TryOpenIn("volumes");
            using OpenDirectory? plugin = volumes?.TryOpenIn(volume.Plugin);
            using OpenDirectory? open = plugin?.TryOpenIn(volume.Name);
            foreach (string store in directory.FileStores)
                if (open is not null && !sandboxes.Contains(store[Prefix.Length..]) && open.Unlink(store))
                    removed.Add(store);
        }
        catch (LinuxException e)
        {
            throw new VolumeException($"stale file store of volume {volume.Name} cannot be removed: {e.Message}", e);
        }
        return removed;
    }
}
