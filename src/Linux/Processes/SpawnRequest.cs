namespace Linux;

/// <summary>The program that <see cref="Spawner"/> starts, and its environment. In the child every signal has its
/// default disposition.</summary>
public sealed record SpawnRequest
{
    /// <summary>The program. A name without a slash is searched for in our PATH.</summary>
    public required string Path { get; init; }

    /// <summary>argv, including the program's name.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The environment as KEY=VALUE; null for our own.</summary>
    public IReadOnlyList<string>? Environment { get; init; }

    /// <summary>The child's working directory; null for ours. A relative <see cref="Path"/> starts there.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The child's descriptors: the index is the number in the child, null is /dev/null. Numbers 0 to 2
    /// default to /dev/null. The child has no others.</summary>
    public IReadOnlyList<Descriptor?> Descriptors { get; init; } = [];

    /// <summary>Make the child the leader of a new process group.</summary>
    public bool NewProcessGroup { get; init; }

    /// <summary>Hide membarrier(2) from the child where possible, see <see cref="MembarrierFilter"/>.</summary>
    public bool WithoutMembarrier { get; init; }

    /// <summary>The signals blocked in the child.</summary>
    public SignalSet BlockedSignals { get; init; }
}
