namespace Shim.Runsc;

/// <summary>Which runsc to run, and the flags for each of its commands.</summary>
internal sealed record RunscSettings
{
    /// <summary>The path of the binary, or a name on PATH.</summary>
    public required string Binary { get; init; }

    /// <summary>Where runsc keeps the state of this namespace's containers.</summary>
    public required string Root { get; init; }

    /// <summary>More flags by name, without dashes.</summary>
    public required IReadOnlyDictionary<string, string> Flags { get; init; }

    /// <summary>Where a crash of the sandbox's kernel is written; null: nowhere.</summary>
    public string? PanicLog { get; init; }

    /// <summary>Where a command writes its debug log; null: it writes none.</summary>
    public DebugSettings? Debug { get; init; }
}
