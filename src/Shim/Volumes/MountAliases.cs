using Linux;
using Shim.Oci;

namespace Shim.Volumes;

/// <summary>Finds the mounts of a container whose source is a pod's volume under another path. Blocks.</summary>
internal static class MountAliases
{
    /// <summary>No aliases.</summary>
    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <summary>Whether any volume is in the sandbox; one that is passed through is the same under any path.</summary>
    public static bool AreNeeded(VolumeDecisions decisions)
    {
        foreach (VolumeDecision decision in decisions.Volumes)
            if (!decision.IsPassthrough)
                return true;
        return false;
    }

    /// <summary>
    /// The volumes' own paths, by the mount sources that are a volume's directory under another path.
    /// </summary>
    /// <param name="mounts">The container's mounts.</param>
    /// <param name="decisions">The pod's volumes.</param>
    public static IReadOnlyDictionary<string, string> Read(IReadOnlyList<SpecMount> mounts, VolumeDecisions decisions)
    {
        var aliases = new Dictionary<string, string>(StringComparer.Ordinal);
        List<(FileIdentity Identity, string Path)>? volumes = null;
        foreach (SpecMount mount in mounts)
        {
            if (!mount.IsBind || decisions.At(mount.Source) is not null || decisions.Above(mount.Source) is not null)
                continue;
            volumes ??= IdentitiesOf(decisions);
            if (FileIdentity.TryOf(mount.Source) is not { } identity)
                continue;
            foreach ((FileIdentity volume, string path) in volumes)
                if (volume == identity)
                    aliases[mount.Source] = path;
        }
        return aliases;
    }

    private static List<(FileIdentity Identity, string Path)> IdentitiesOf(VolumeDecisions decisions)
    {
        List<(FileIdentity Identity, string Path)> identities = [];
        foreach (VolumeDecision decision in decisions.Volumes)
            if (!decision.IsPassthrough && FileIdentity.TryOf(decision.Path) is { } identity)
                identities.Add((identity, decision.Path));
        return identities;
    }
}
