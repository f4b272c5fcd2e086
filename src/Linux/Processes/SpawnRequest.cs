namespace Linux;

/// <summary>What <see cref="Spawner"/> starts, and with what surroundings. Every signal has its default disposition
/// in the child.</summary>
public sealed record SpawnRequest
{
    /// <summary>The program. Without a slash it is looked for in our PATH.</summary>
    public required string Path { get; init; }

    /// <summary>argv, the program's name included.</summary>
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>KEY=VALUE entries; null for our own environment.</summary>
    public IReadOnlyList<string>? Environment { get; init; }

    /// <summary>The child's working directory; null for ours. A relative <see cref="Path"/> is relative to
    /// it.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The child's descriptors: the index is the number there, null is /dev/null. Numbers 0 to 2 that are
    /// missing are /dev/null. The child has no others.</summary>
    public IReadOnlyList<Descriptor?> Descriptors { get; init; } = [];

    /// <summary>Make the child the leader of a new process group.</summary>
    public bool NewProcessGroup { get; init; }

    /// <summary>Hide membarrier(2) from the child: see <see cref="MembarrierFilter"/>. Done where it can be.</summary>
    public bool WithoutMembarrier { get; init; }

    /// <summary>The signals blocked in the child.</summary>
    public SignalSet BlockedSignals { get; init; }
}
