using Containerd.Api.Bootstrap;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Service;

namespace Shim.Commands;

/// <summary>What <c>start</c> received on its standard input, and the form of answer that follows from it.</summary>
/// <remarks>
/// containerd 2.3 and later send <see cref="BootstrapParams"/> and expect a <see cref="BootstrapResult"/>. Earlier
/// releases send nothing, or the runtime's options, and accept a plain address. 1.6 accepts only that, so the JSON that
/// 1.7 to 2.2 also accept is never used. Options can parse as parameters by accident, so the ids must match.
/// </remarks>
internal sealed class StartAnswer
{
    private const int TaskServiceVersion = 2;
    private readonly BootstrapParams? _parameters;

    private StartAnswer(BootstrapParams? parameters, Any? options)
    {
        _parameters = parameters;
        Options = options;
    }

    /// <summary>
    /// The runtime's options, which 2.3 and later send as an extension of the parameters; null if there are none.
    /// </summary>
    public Any? Options { get; }

    /// <summary>The directory for the socket; null if containerd names none.</summary>
    public string? SocketDirectory =>
        _parameters is { HasSocketDir: true, SocketDir: ['/', _, ..] directory } ? directory : null;

    /// <summary>Whether containerd wants debug messages in the log.</summary>
    public bool Debug => _parameters is { LogLevel: LogLevel.Debug or LogLevel.Trace };

    /// <summary>containerd's ttrpc socket; empty if the parameters do not name it.</summary>
    public string TtrpcAddress => _parameters?.ContainerdTtrpcAddress ?? "";

    /// <summary>Interprets standard input.</summary>
    /// <param name="input">All of it.</param>
    /// <param name="id">The <c>-id</c> flag.</param>
    /// <param name="namespace">The <c>-namespace</c> flag.</param>
    public static StartAnswer For(ReadOnlySpan<byte> input, string id, string @namespace)
    {
        if (input.IsEmpty)
            return new StartAnswer(null, null);
        // Options may be no valid parameters: a length in them is no valid text.
        if (TryParse(BootstrapParams.Parser, input) is { } parameters
            && parameters.InstanceId == id && parameters.Namespace == @namespace)
            return new StartAnswer(parameters, OptionsAmong(parameters.Extensions));
        return new StartAnswer(null, TryParse(Any.Parser, input));
    }

    private static T? TryParse<T>(MessageParser<T> parser, ReadOnlySpan<byte> input) where T : class, IMessage<T>
    {
        try
        {
            return parser.ParseFrom(input);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private static Any? OptionsAmong(IEnumerable<Containerd.Api.Bootstrap.Extension> extensions)
    {
        foreach (Containerd.Api.Bootstrap.Extension extension in extensions)
            if (extension.Value is { } value && RuntimeOptions.Are(value))
                return value;
        return null;
    }

    /// <summary>The bytes to print.</summary>
    public byte[] With(string address) => _parameters is null
        ? System.Text.Encoding.UTF8.GetBytes(address)
        : new BootstrapResult { Version = TaskServiceVersion, Address = address, Protocol = "ttrpc" }.ToByteArray();
}
