namespace Shim.Configuration;

/// <summary><c>[checkpoint]</c>: how images are written unless a request says otherwise.</summary>
internal sealed record CheckpointConfiguration
{
    /// <summary><c>compression</c>: <c>none</c> or <c>flate-best-speed</c>; empty: runsc's default.</summary>
    public string Compression { get; init; } = "";

    /// <summary><c>direct</c>: bypass the node's page cache.</summary>
    public bool Direct { get; init; }

    /// <summary><c>exclude_committed_zero_pages</c>: leave out pages of zeros.</summary>
    public bool ExcludeCommittedZeroPages { get; init; }
}
