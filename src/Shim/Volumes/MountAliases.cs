using Linux;
using Shim.Oci;

namespace Shim.Volumes;

/// <summary>Looks up which mounts of a container are a pod's volume under another path. Blocks.</summary>
internal static class MountAliases
{
    /// <summary>No mount is a volume under another path.</summary>
    public static IReadOnlyDictionary<string, string> None { get; } = new Dictionary<string, string>();

    /// <summary>Whether there is a volume for which it matters: one that does not stay the node's directory.</summary>
    public static bool AreNeeded(VolumeDecisions decisions)
    {
        foreach (VolumeDecision decision in decisions.Volumes)
            if (!decision.IsPassthrough)
                return true;
        return false;
    }

    /// <summary>The directory of a volume for every mount source that is the same directory and says so differently.</summary>
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

    // A volume that stays the node's directory is the same under any path.
    private static List<(FileIdentity Identity, string Path)> IdentitiesOf(VolumeDecisions decisions)
    {
        List<(FileIdentity Identity, string Path)> identities = [];
        foreach (VolumeDecision decision in decisions.Volumes)
            if (!decision.IsPassthrough && FileIdentity.TryOf(decision.Path) is { } identity)
                identities.Add((identity, decision.Path));
        return identities;
    }
}
