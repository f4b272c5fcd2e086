using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Configuration;

namespace Shim.Service;

/// <summary>Reads the configuration that a request's <c>options</c> name.</summary>
internal static class RuntimeOptions
{
    private const string TypeName = "runtimeoptions.v1.Options";

    /// <summary>The configuration for a request.</summary>
    /// <param name="options">
    /// <c>runtimeoptions.v1.Options</c> (CRI, <c>ctr --runtime-config-path</c>) name a file or hold the text. The
    /// node's default file is used if there are none, if their type is empty, as in a restore, or if they are runc's
    /// options, which clients send by default and which say nothing about runsc.
    /// </param>
    /// <param name="warnings">Receives what is unusual but not an error.</param>
    /// <exception cref="RefusedException">The options are of another type, or invalid.</exception>
    /// <exception cref="ConfigurationException">The configuration cannot be used.</exception>
    public static ShimConfiguration Read(Any? options, ICollection<string> warnings)
    {
        switch (TypeOf(options))
        {
            case "" or "containerd.runc.v1.Options" or "containerd.linux.runc.CreateOptions":
                return ConfigurationFile.ReadDefault(warnings);
            case TypeName:
                return Read(Parse(options!), warnings);
            default:
                throw new RefusedException(Refusal.InvalidArgument,
                    $"runtime options of type {options!.TypeUrl.Short()} are not supported; use {TypeName}");
        }
    }

    /// <summary>Whether a message is options that name a configuration or hold it.</summary>
    public static bool Are(Any message) => TypeOf(message) == TypeName;

    private static string TypeOf(Any? options)
    {
        string url = options?.TypeUrl ?? "";
        return url[(url.LastIndexOf('/') + 1)..];
    }

    private static ShimConfiguration Read(
        Containerd.Api.RuntimeOptions.Options options, ICollection<string> warnings)
    {
        if (options.ConfigPath.Length > 0)
            return ConfigurationFile.Read(options.ConfigPath, warnings);
        return options.ConfigBody.IsEmpty
            ? ConfigurationFile.ReadDefault(warnings)
            : ConfigurationFile.Parse(
                Encoding.UTF8.GetString(options.ConfigBody.Span), "the runtime handler's options", warnings);
    }

    private static Containerd.Api.RuntimeOptions.Options Parse(Any options)
    {
        try
        {
            return Containerd.Api.RuntimeOptions.Options.Parser.ParseFrom(options.Value);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new RefusedException(
                Refusal.InvalidArgument, $"runtime options are not a valid {options.TypeUrl} message", e);
        }
    }
}
