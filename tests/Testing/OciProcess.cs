using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Testing;

/// <summary>The OCI process of a container or an exec.</summary>
public static class OciProcess
{
    /// <summary>A command that root runs in <c>/</c>.</summary>
    public static JsonObject Of(params IReadOnlyList<string> command) => new()
    {
        ["user"] = new JsonObject { ["uid"] = 0, ["gid"] = 0 },
        ["args"] = new JsonArray([.. command.Select(static part => (JsonNode)part)]),
        ["env"] = new JsonArray("PATH=/bin"),
        ["cwd"] = "/",
    };

    /// <summary>As a request for an exec carries it.</summary>
    /// <param name="json">The process.</param>
    public static Any ToAny(string json) => new()
    {
        TypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/Process",
        Value = ByteString.CopyFromUtf8(json),
    };
}
