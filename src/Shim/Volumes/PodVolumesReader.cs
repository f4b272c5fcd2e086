using Linux;

namespace Shim.Volumes;

/// <summary>Reads what is on the node of a pod's volumes. Changes nothing. Blocks.</summary>
/// <remarks>
/// The pod's directory is <c>KUBELET ROOT/pods/UID</c>, its volumes are <c>volumes/PLUGIN/NAME</c> in it. Links are
/// followed down to <c>pods</c>, where they are the administrator's, and not below it. Only emptyDirs are opened:
/// another volume may be a mount of a server that does not answer.
/// </remarks>
internal static class PodVolumesReader
{
    /// <summary>Reads a pod's volumes; a pod without a directory has none.</summary>
    /// <param name="kubeletRoot">Kubelet's directory.</param>
    /// <param name="podUid">The pod's uid.</param>
    /// <exception cref="VolumeException">A directory cannot be read, or is not a directory.</exception>
    public static PodVolumes Read(string kubeletRoot, string podUid)
    {
        string pods = PodsOf(kubeletRoot);
        string directory = $"{pods}/{podUid}";
        var none = new PodVolumes(podUid, directory, directory, []) { Exists = false };
        try
        {
            using OpenDirectory? root = OpenDirectory.TryOpen(pods);
            using OpenDirectory? pod = root?.TryOpenIn(podUid);
            if (pod is null)
                return none;
            string resolved = pod.ResolvedPath;
            using OpenDirectory? volumes = pod.TryOpenIn("volumes");
            return volumes is null
                ? none with { ResolvedDirectory = resolved }
                : new PodVolumes(podUid, directory, resolved, ReadVolumes(volumes));
        }
        catch (LinuxException e)
        {
            throw new VolumeException($"volumes of pod {podUid} cannot be read: {e.Message}", e);
        }
    }

    internal static string PodsOf(string kubeletRoot) => $"{kubeletRoot.TrimEnd('/')}/pods";

    private static List<PodVolume> ReadVolumes(OpenDirectory volumes)
    {
        List<PodVolume> found = [];
        List<string> plugins = [];
        volumes.List(entry =>
        {
            if (entry.IsDirectory)
                plugins.Add(entry.Name);
            return true;
        });
        foreach (string plugin in plugins)
        {
            using OpenDirectory? directory = volumes.TryOpenIn(plugin);
            directory?.List(entry =>
            {
                if (entry.IsDirectory)
                    found.Add(new PodVolume(entry.Name, plugin, $"{directory.Path}/{entry.Name}"));
                return true;
            });
            for (int i = 0; directory is not null && i < found.Count; i++)
                if (found[i] is { IsEmptyDir: true } volume && volume.Plugin == plugin)
                    found[i] = volume with { Directory = ReadEmptyDir(directory, volume.Name) };
        }
        // The kernel lists a directory in no particular order.
        found.Sort(static (a, b) => (a.Name, a.Plugin).CompareTo((b.Name, b.Plugin)));
        return found;
    }

    private static EmptyDirectory? ReadEmptyDir(OpenDirectory plugin, string name)
    {
        using OpenDirectory? directory = plugin.TryOpenIn(name);
        if (directory is null)
            return null;
        string? other = null;
        List<string> stores = [];
        try
        {
            directory.List(entry =>
            {
                if (entry.IsRegular && entry.Name.StartsWith(FileStores.Prefix, StringComparison.Ordinal))
                {
                    if (stores.Count < FileStores.Most)
                        stores.Add(entry.Name);
                }
                else
                    other ??= $"it holds \"{entry.Name}\"";
                return true;
            });
        }
        catch (LinuxException e)
        {
            other = $"it cannot be read ({e.Message})";
        }
        return new EmptyDirectory(directory.IsInMemory ? VolumeMedium.Memory : VolumeMedium.Disk,
            directory.Mode, directory.Uid, directory.Gid, other, stores)
        {
            Size = directory.SizeInMemory,
        };
    }
}
