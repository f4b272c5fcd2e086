using System.Text;
using Containerd.Api.Types;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Linux;

namespace Shim.Commands;

/// <summary><c>-info</c>: describes the runtime to containerd 2.0 and later, as a binary RuntimeInfo message.</summary>
internal static class InfoCommand
{
    /// <summary>
    /// The OCI features of runsc that containerd reads: it passes id-mapped and recursive mount options only to
    /// runtimes that list them. runsc's own list is newer than the runsc of most nodes, so this one is fixed: what
    /// every runsc since 2024 supports.
    /// </summary>
    private const string Features =
        """
        {"ociVersionMin":"1.0.0","ociVersionMax":"1.1.0",
        "hooks":["prestart","createRuntime","createContainer","startContainer","poststart","poststop"],
        "mountOptions":["async","atime","bind","defaults","dev","diratime","dirsync","exec","noatime","nodev",
        "nodiratime","noexec","norelatime","nosuid","private","rbind","relatime","remount","ro","rprivate",
        "rslave","rw","slave","strictatime","suid","sync"],
        "linux":{"namespaces":["cgroup","ipc","mount","network","pid","user","uts"],
        "cgroup":{"v1":true,"v2":true,"systemd":true},"seccomp":{"enabled":true}}}
        """;

    public static int Run()
    {
        var info = new RuntimeInfo
        {
            Name = ShimVersion.RuntimeName,
            Version = new RuntimeVersion { Version = ShimVersion.Number, Revision = ShimVersion.Commit },
            Features = new Any
            {
                TypeUrl = "types.containerd.io/opencontainers/runtime-spec/1/features/Features",
                Value = ByteString.CopyFrom(Features, Encoding.UTF8),
            },
        };
        StandardIo.Write(info.ToByteArray());
        return 0;
    }
}
