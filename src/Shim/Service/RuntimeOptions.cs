using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Configuration;

namespace Shim.Service;

/// <summary>Finds the configuration that a request's <c>options</c> name.</summary>
internal static class RuntimeOptions
{
    /// <summary>The configuration for a request.</summary>
    /// <param name="options">
    /// <c>runtimeoptions.v1.Options</c> (CRI, <c>ctr --runtime-config-path</c>): its file or its body; runc's options,
    /// which clients send unasked: they say nothing about runsc; absent, or with an empty type as a restore sends
    /// them: the node's default file.
    /// </param>
    /// <param name="warnings">Gets what is odd but no error.</param>
    /// <exception cref="RefusedException">The options are of another type, or not of the type that they claim.</exception>
    /// <exception cref="ConfigurationException">The configuration cannot be used.</exception>
    public static ShimConfiguration Read(Any? options, ICollection<string> warnings)
    {
        string typeUrl = options?.TypeUrl ?? "";
        switch (typeUrl[(typeUrl.LastIndexOf('/') + 1)..])
        {
            case "" or "containerd.runc.v1.Options" or "containerd.linux.runc.CreateOptions":
                return ConfigurationFile.ReadDefault(warnings);
            case "runtimeoptions.v1.Options":
                return Read(Parse(options!), warnings);
            default:
                throw new RefusedException(Refusal.InvalidArgument,
                    $"runtime options of type {typeUrl} are not understood; runtimeoptions.v1.Options names a configuration file");
        }
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
                Refusal.InvalidArgument, $"runtime options are not of the type {options.TypeUrl} that they claim", e);
        }
    }
}
