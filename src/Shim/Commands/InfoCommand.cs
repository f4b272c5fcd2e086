using System.Text;
using Containerd.Api.Types;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Linux;

namespace Shim.Commands;

/// <summary><c>-info</c>: describes the runtime to containerd 2.0 and later, as a binary RuntimeInfo message.</summary>
internal static class InfoCommand
{
    public static int Run()
    {
        var info = new RuntimeInfo
        {
            Name = ShimVersion.RuntimeName,
            Version = new RuntimeVersion { Version = ShimVersion.Number, Revision = ShimVersion.Commit },
            Features = new Any
            {
                TypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/features/Features",
                Value = ByteString.CopyFrom(FeaturesCommand.Features, Encoding.UTF8),
            },
        };
        StandardIo.Write(info.ToByteArray());
        return 0;
    }
}
