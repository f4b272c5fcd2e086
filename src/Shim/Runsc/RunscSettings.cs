namespace Shim.Runsc;

/// <summary>Which runsc is run, and the flags that every one of its commands gets.</summary>
internal sealed record RunscSettings
{
    /// <summary>The path of the binary, or a name for PATH.</summary>
    public required string Binary { get; init; }

    /// <summary>Where runsc keeps the state of this namespace's containers.</summary>
    public required string Root { get; init; }

    /// <summary>Further flags by name, without dashes.</summary>
    public required IReadOnlyDictionary<string, string> Flags { get; init; }

    /// <summary>Where a crash of the sandbox's kernel is written; null: nowhere.</summary>
    public string? PanicLog { get; init; }

    /// <summary>Where a single command writes its debug log; null: it writes none.</summary>
    public DebugSettings? Debug { get; init; }
}
