using Shim.Oci;

namespace Shim.Volumes;

/// <summary>What is known of the sources of a container's mounts on the node, before it is rewritten.</summary>
/// <param name="Aliases">
/// Sources that are a volume's directory under another path, and that volume's own path.
/// </param>
/// <param name="SharedMemory">The pod's shared memory; null if the container does not mount it.</param>
internal sealed record MountFacts(IReadOnlyDictionary<string, string> Aliases, SharedMemory? SharedMemory)
{
    /// <summary>Whether reading them looks at anything on the node, and so can block.</summary>
    public static bool Blocks(ContainerSpec spec, VolumeDecisions decisions) => MountAliases.AreNeeded(decisions)
        || (spec.IsSandbox && SharedMemory.SourceIn(spec.Mounts, spec.SandboxId) is not null);

    /// <summary>Reads them.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="decisions">The pod's volumes.</param>
    public static MountFacts Read(ContainerSpec spec, VolumeDecisions decisions)
    {
        string? shared = SharedMemory.SourceIn(spec.Mounts, spec.SandboxId);
        // Only the sandbox's hint says how large it is.
        return new MountFacts(
            MountAliases.AreNeeded(decisions) ? MountAliases.Read(spec.Mounts, decisions) : MountAliases.None,
            shared is null ? null : spec.IsSandbox ? SharedMemory.Read(shared) : new SharedMemory(shared, null));
    }

    /// <summary>The path by which the volume of a mount is known.</summary>
    public string SourceOf(SpecMount mount) => Aliases.GetValueOrDefault(mount.Source) ?? mount.Source;
}
