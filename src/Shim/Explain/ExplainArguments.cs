using Shim.Commands;

namespace Shim.Explain;

/// <summary>
/// The command line after <c>explain</c>. Flags are as in the other commands: with one dash or two, the value after
/// <c>=</c> or as the next argument.
/// </summary>
internal sealed record ExplainArguments
{
    /// <summary><c>--bundle</c>: the bundle of the container to explain; empty if annotations are explained.</summary>
    public string Bundle { get; init; } = "";

    /// <summary><c>--pod-uid</c>: the pod; empty if the Pod in <see cref="Annotations"/> gives it.</summary>
    public string PodUid { get; init; } = "";

    /// <summary><c>--annotations</c>: a file with annotations or a Pod; <c>-</c> is standard input.</summary>
    public string Annotations { get; init; } = "";

    /// <summary><c>--config</c>: the shim's configuration; empty for the default places.</summary>
    public string Config { get; init; } = "";

    /// <summary><c>--json</c>: print JSON.</summary>
    public bool Json { get; init; }

    /// <summary><c>--help</c>: print the usage, and nothing else.</summary>
    public bool Help { get; init; }

    /// <summary>Parses the arguments after <c>explain</c>.</summary>
    /// <exception cref="UsageException">They are not valid.</exception>
    public static ExplainArguments Parse(ReadOnlySpan<string> arguments)
    {
        var parsed = new ExplainArguments();
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (argument is not ['-', _, ..])
                throw new UsageException($"explain: unexpected argument {argument}");
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string flag = equals < 0 ? argument : argument[..equals];
            string name = flag[(flag.StartsWith("--", StringComparison.Ordinal) ? 2 : 1)..];
            string? value = equals < 0 ? null : argument[(equals + 1)..];
            if (name is "json" or "h" or "help")
            {
                if (value is not null)
                    throw new UsageException($"explain: flag {flag} takes no value");
                parsed = name == "json" ? parsed with { Json = true } : parsed with { Help = true };
                continue;
            }
            if (name is not ("bundle" or "pod-uid" or "annotations" or "config"))
                throw new UsageException($"explain: unknown flag {flag}");
            value ??= ++i < arguments.Length ? arguments[i] : "";
            if (value.Length == 0)
                throw new UsageException($"explain: flag {flag} needs a value");
            parsed = With(parsed, name, value);
        }
        if (!parsed.Help)
            parsed.RequireOneSubject();
        return parsed;
    }

    private static ExplainArguments With(ExplainArguments to, string name, string value) => name switch
    {
        "bundle" => to with { Bundle = value },
        "pod-uid" => to with { PodUid = value },
        "annotations" => to with { Annotations = value },
        _ => to with { Config = value },
    };

    private void RequireOneSubject()
    {
        if (Bundle.Length > 0 && (PodUid.Length > 0 || Annotations.Length > 0))
            throw new UsageException(
                $"explain: flag {(PodUid.Length > 0 ? "--pod-uid" : "--annotations")} cannot be used with --bundle");
        if (Bundle.Length == 0 && Annotations.Length == 0)
            throw new UsageException(PodUid.Length > 0
                ? "explain: flag --pod-uid needs --annotations"
                : "explain: flag --bundle or --annotations is required");
        if (PodUid.Length > 0 && !Volumes.PodUid.IsUid(PodUid))
            throw new UsageException($"explain: flag --pod-uid: {PodUid} is not the uid of a pod");
    }
}
