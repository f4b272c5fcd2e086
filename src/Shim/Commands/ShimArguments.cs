using Shim.Bundles;

namespace Shim.Commands;

/// <summary>The shim's commands.</summary>
internal enum ShimAction
{
    /// <summary>No action word: serve the task service.</summary>
    Serve,

    /// <summary><c>start</c>: find the shim that serves the sandbox, or start one, and print its address.</summary>
    Start,

    /// <summary><c>delete</c>: clean up after a container.</summary>
    Delete,

    /// <summary><c>-v</c>: print the version.</summary>
    Version,

    /// <summary><c>-info</c>: print a RuntimeInfo message.</summary>
    Info,

    /// <summary><c>features</c>: print the OCI features.</summary>
    Features,

    /// <summary><c>-h</c>: print the usage.</summary>
    Help,
}

/// <summary>
/// The command line in containerd's form: Go flags with one dash or two, each value after <c>=</c> or as the next
/// argument, and the action last.
/// </summary>
/// <remarks>
/// Parsed by hand instead of with System.CommandLine: containerd runs this for every container, and its protocol fixes
/// these few flags.
/// </remarks>
internal sealed record ShimArguments
{
    /// <summary>What to do.</summary>
    public ShimAction Action { get; init; }

    /// <summary><c>-namespace</c>: containerd's namespace.</summary>
    public string Namespace { get; init; } = "";

    /// <summary><c>-id</c>: the container.</summary>
    public string Id { get; init; } = "";

    /// <summary><c>-address</c>: containerd's grpc socket.</summary>
    public string Address { get; init; } = "";

    /// <summary><c>-publish-binary</c>: containerd's program. Unused, since events go over ttrpc.</summary>
    public string PublishBinary { get; init; } = "";

    /// <summary><c>-bundle</c>: the bundle; empty: the working directory, as <c>start</c> always has it.</summary>
    public string Bundle { get; init; } = "";

    /// <summary><c>-socket</c>: where to listen; empty: on the inherited descriptor 3.</summary>
    public string Socket { get; init; } = "";

    /// <summary><c>-debug</c>: log debug messages.</summary>
    public bool Debug { get; init; }

    /// <summary>Parses the arguments, without the program's name.</summary>
    /// <exception cref="UsageException">They are invalid.</exception>
    public static ShimArguments Parse(ReadOnlySpan<string> arguments)
    {
        var parsed = new ShimArguments();
        int i = 0;
        for (; i < arguments.Length && arguments[i] is ['-', _, ..]; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                i++;
                break;
            }
            int dashes = argument.StartsWith("--", StringComparison.Ordinal) ? 2 : 1;
            int equals = argument.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? argument[dashes..] : argument[dashes..equals];
            string? value = equals < 0 ? null : argument[(equals + 1)..];
            if (name is "namespace" or "id" or "address" or "publish-binary" or "bundle" or "socket")
            {
                if (value is null && ++i == arguments.Length)
                    throw new UsageException($"flag {argument} needs a value");
                parsed = With(parsed, name, value ?? arguments[i]);
            }
            else
                parsed = With(parsed, name, IsTrue(argument, value));
        }
        return (arguments.Length - i) switch
        {
            0 => parsed,
            1 => parsed with { Action = ActionOf(arguments[i]) },
            _ => throw new UsageException($"unexpected argument {arguments[i + 1]} after {arguments[i]}"),
        };
    }

    /// <summary>Rejects a command line that names no container.</summary>
    /// <param name="command">The command that needs one, for messages.</param>
    /// <exception cref="UsageException">Namespace or id is missing or invalid.</exception>
    public void RequireIds(string command)
    {
        if (!Identifier.IsValid(Namespace))
            throw new UsageException($"{command}: flag -namespace is missing or invalid: \"{Namespace}\"");
        if (!Identifier.IsValid(Id))
            throw new UsageException($"{command}: flag -id is missing or invalid: \"{Id}\"");
    }

    private static ShimArguments With(ShimArguments to, string name, string value) => name switch
    {
        "namespace" => to with { Namespace = value },
        "id" => to with { Id = value },
        "address" => to with { Address = value },
        "publish-binary" => to with { PublishBinary = value },
        "bundle" => to with { Bundle = value },
        _ => to with { Socket = value },
    };

    private static ShimArguments With(ShimArguments to, string name, bool value) => name switch
    {
        "debug" => to with { Debug = value },
        "v" or "version" => value ? to with { Action = ShimAction.Version } : to,
        "info" => value ? to with { Action = ShimAction.Info } : to,
        "h" or "help" => value ? to with { Action = ShimAction.Help } : to,
        _ => throw new UsageException($"unknown flag -{name}"),
    };

    /// <summary>The value of a boolean flag, in the spellings that Go accepts.</summary>
    private static bool IsTrue(string argument, string? value) =>
        value is null || (GoBoolean.Parse(value) ?? throw new UsageException($"flag {argument}: not a boolean"));

    private static ShimAction ActionOf(string word) => word switch
    {
        "start" => ShimAction.Start,
        "delete" => ShimAction.Delete,
        "features" => ShimAction.Features,
        "help" => ShimAction.Help,
        "explain" => throw new UsageException($"{word} must be the first argument"),
        _ => throw new UsageException($"unknown action {word}; use start, delete, or none to serve"),
    };
}
