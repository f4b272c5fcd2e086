namespace Shim.Configuration;

/// <summary><c>[restore]</c>: how images are read unless a pod's annotations say otherwise.</summary>
internal sealed record RestoreConfiguration
{
    /// <summary><c>direct</c>: bypass the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary><c>background</c>: load memory while the containers run.</summary>
    public bool Background { get; init; }

    /// <summary>
    /// <c>timeout</c>, in seconds: how long a sandbox that is being restored waits for the next container of the image
    /// before the restore fails.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);
}
