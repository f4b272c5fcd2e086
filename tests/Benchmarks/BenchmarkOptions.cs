namespace Benchmarks;

/// <summary>The command line.</summary>
internal sealed record BenchmarkOptions
{
    public const string Usage = """
        usage: ./build.sh bench [--short] [--only NAME] [--json FILE]
          --short      few repetitions: shows that everything works, not how fast it is
          --only NAME  one of: start, memory, rpc, exec, run, pod, checkpoint, output, rest, limits, scale
          --json FILE  also write the figures there
        """;

    public bool Short { get; init; }

    public string? Only { get; init; }

    public string? Json { get; init; }

    /// <exception cref="FormatException">It is not valid.</exception>
    public static BenchmarkOptions Parse(ReadOnlySpan<string> arguments) => arguments switch
    {
        [] => new BenchmarkOptions(),
        ["--short", .. var rest] => Parse(rest) with { Short = true },
        ["--only", var name, .. var rest] => Parse(rest) with { Only = name },
        ["--json", var file, .. var rest] => Parse(rest) with { Json = Path.GetFullPath(file) },
        [var other, ..] => throw new FormatException($"unexpected argument or missing value: {other}"),
    };
}
