using Containerd.Grpc.Cri;

namespace Testing;

/// <summary>What a user writes of a pod, as far as it reaches the shim.</summary>
public sealed record PodSettings
{
    /// <summary>The user's annotations.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<EmptyDir> Volumes { get; init; } = [];

    /// <summary>The group that owns volumes, and that every process gets.</summary>
    public long? FsGroup { get; init; }

    /// <summary>The node's network instead of the pod's own.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>
    /// Whose processes a container sees: its own, the pod's (shareProcessNamespace) or the node's (hostPID).
    /// </summary>
    public NamespaceMode Processes { get; init; } = NamespaceMode.Container;

    /// <summary>What the pod's RuntimeClass names.</summary>
    public string Handler { get; init; } = Kubelet.Handler;
}

/// <summary>An emptyDir volume.</summary>
/// <param name="Name">The name in the pod.</param>
/// <param name="Memory">Medium "Memory": the kubelet mounts a tmpfs.</param>
public sealed record EmptyDir(string Name, bool Memory = false);
