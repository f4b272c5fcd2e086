using System.Runtime.InteropServices;
using Containerd.Api.Runc;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Testing;

namespace Benchmarks;

/// <summary>A shim that is measured, and the OCI runtime that it runs.</summary>
/// <param name="Name">In the table.</param>
/// <param name="Binary">The shim.</param>
/// <param name="Containerd">The containerd that it is made for.</param>
/// <param name="Options">Create's options; the argument is a private directory.</param>
/// <param name="Environment">In addition to what containerd sets.</param>
internal sealed record ShimProgram(
    string Name, string Binary, string Containerd, Func<string, Any> Options,
    IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>This repository's, which runs runsc.</summary>
    public static ShimProgram Ours { get; } = new(
        "this shim, gVisor", Tools.Shim, Tools.Containerd(Tools.NewestContainerd), RunscOptions,
        new Dictionary<string, string>());

    /// <summary>containerd's own for runc, in Go.</summary>
    public static ShimProgram Runc { get; } = FindRunc();

    private static ShimProgram FindRunc()
    {
        string version = File.Exists(Beside("2.1")) ? "2.1" : "1.7";
        return new ShimProgram($"containerd {version} runc shim", Beside(version), Tools.Containerd(version),
            RuncOptions,
            new Dictionary<string, string>
            {
                ["LD_LIBRARY_PATH"] = Path.Combine(Tools.Directory, "runc/usr/lib",
                    RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu"
                        : "x86_64-linux-gnu"),
            });

        static string Beside(string version) =>
            Path.Combine(Path.GetDirectoryName(Tools.Containerd(version))!, "containerd-shim-runc-v2");
    }

    /// <summary>runsc without a network of its own, which works in every place.</summary>
    private static Any RunscOptions(string directory) => new()
    {
        TypeUrl = "runtimeoptions.v1.Options",
        Value = new Containerd.Api.RuntimeOptions.Options
        {
            ConfigBody = ByteString.CopyFromUtf8($"""
                binary_name = "{Tools.Runsc}"
                root = "{directory}/runtime"
                kubelet_root = "{directory}/kubelet"
                checkpoint.compression = "none"
                [runsc_config]
                network = "none"
                """),
        }.ToByteString(),
    };

    private static Any RuncOptions(string directory) => new()
    {
        TypeUrl = "containerd.runc.v1.Options",
        Value = new Options
        {
            BinaryName = Path.Combine(Tools.RuncDirectory, "runc"),
            Root = Path.Combine(directory, "runtime"),
        }.ToByteString(),
    };
}
