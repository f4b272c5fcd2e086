using Containerd.Grpc.Cri;

namespace Testing;

/// <summary>What a user writes of one container of a pod.</summary>
/// <param name="Name">Its name in the pod; the same name again is the next attempt.</param>
/// <param name="Command">Its command.</param>
public sealed record ContainerSettings(string Name, params IReadOnlyList<string> Command)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<VolumeMount> Volumes { get; init; } = [];

    public IReadOnlyList<HostPathMount> HostPaths { get; init; } = [];

    public bool Terminal { get; init; }

    public bool Stdin { get; init; }

    /// <summary>The first client of stdin that goes away closes it.</summary>
    public bool StdinOnce { get; init; }

    public long? User { get; init; }

    /// <summary>Its limits; those of a BestEffort pod unless set.</summary>
    public LinuxContainerResources Resources { get; init; } = new()
    {
        CpuPeriod = 100_000,
        CpuShares = 2,
        OomScoreAdj = 1000
    };
}

/// <summary>A pod's volume in a container.</summary>
/// <param name="Volume">Its name in the pod.</param>
/// <param name="Path">Where it is in the container.</param>
/// <param name="ReadOnly">Whether it can be written.</param>
/// <param name="SubPath">A directory of it instead of all; made if missing.</param>
/// <param name="Propagation">Whether what is mounted in it on one side appears on the other.</param>
public sealed record VolumeMount(string Volume, string Path, bool ReadOnly = false, string? SubPath = null,
    MountPropagation Propagation = MountPropagation.PropagationPrivate);

/// <summary>A directory or file of the node in a container.</summary>
/// <param name="HostPath">Where it is on the node.</param>
/// <param name="Path">Where it is in the container.</param>
/// <param name="ReadOnly">Whether it can be written.</param>
/// <param name="Propagation">Whether what is mounted in it on one side appears on the other.</param>
public sealed record HostPathMount(string HostPath, string Path, bool ReadOnly = false,
    MountPropagation Propagation = MountPropagation.PropagationPrivate);
