namespace Shim.Configuration;

/// <summary><c>[restore]</c>: how images are read where a pod's annotations do not say.</summary>
internal sealed record RestoreConfiguration
{
    /// <summary><c>direct</c>: past the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary><c>background</c>: memory is loaded while the containers run already.</summary>
    public bool Background { get; init; }

    /// <summary>
    /// <c>timeout</c>, in seconds: how long a sandbox that is being restored waits for the next of the image's
    /// containers before it is given up.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);
}
