namespace Shim.Configuration;

/// <summary><c>[checkpoint]</c>: how images are written where a request does not say.</summary>
internal sealed record CheckpointConfiguration
{
    /// <summary><c>compression</c>: <c>none</c> or <c>flate-best-speed</c>; empty: as runsc does it.</summary>
    public string Compression { get; init; } = "";

    /// <summary><c>direct</c>: past the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary><c>exclude_committed_zero_pages</c>: pages of zeros are left out.</summary>
    public bool ExcludeCommittedZeroPages { get; init; }
}
