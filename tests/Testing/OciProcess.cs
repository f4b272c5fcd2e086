using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Testing;

/// <summary>The OCI process of an exec, as containerd hands it on.</summary>
public static class OciProcess
{
    /// <summary>As a request carries it.</summary>
    /// <param name="json">The process.</param>
    public static Any ToAny(string json) => new()
    {
        TypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/Process",
        Value = ByteString.CopyFromUtf8(json),
    };
}
