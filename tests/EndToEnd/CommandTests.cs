using System.Diagnostics;
using System.Text.Json;
using Containerd.Api.Bootstrap;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Testing;

namespace EndToEnd;

/// <summary>The program itself, as others than containerd run it.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>CRI-O asks every runtime when it starts.</summary>
    [Fact]
    public async Task The_features_are_JSON()
    {
        string features = (await Command.RunAsync(Tools.Shim, ["features"])).Succeeded();
        using JsonDocument json = JsonDocument.Parse(features);
        Assert.Contains("bind", json.RootElement.GetProperty("mountOptions").EnumerateArray().Select(
            static option => option.GetString()));
        Assert.True(json.RootElement.GetProperty("linux").GetProperty("seccomp").GetProperty("enabled").GetBoolean());
    }

    /// <summary>containerd 2.3 sends them among its parameters.</summary>
    [Fact]
    public async Task The_runtimes_options_among_containerds_parameters_reach_start()
    {
        Requires.Root("moving a process into a cgroup");
        string bundle = Directory.CreateDirectory(_directory["bundle"]).FullName;
        _directory.Write("bundle/config.json", """{"ociVersion":"1.0.0"}""");
        string cgroup = Path.GetFileName(_directory.Path);
        string configuration = _directory.Write("runsc.toml", $"shim_cgroup = \"/{cgroup}\"\n");
        var parameters = new BootstrapParams
        {
            InstanceId = "c",
            Namespace = "test",
            SocketDir = _directory["s"],
            Extensions =
            {
                new Containerd.Api.Bootstrap.Extension
                {
                    Value = new Any
                    {
                        TypeUrl = "runtimeoptions.v1.Options",
                        Value = new Containerd.Api.RuntimeOptions.Options { ConfigPath = configuration }.ToByteString(),
                    },
                },
            },
        };
        CommandResult started = await Command.RunAsync(
            Tools.Shim, ["-namespace", "test", "-id", "c", "start"], parameters.ToByteArray(), bundle);
        started.Succeeded();
        int shim = int.Parse(File.ReadAllText(Path.Combine(bundle, "shim.pid")));
        try
        {
            Assert.StartsWith($"unix://{_directory["s"]}/",
                BootstrapResult.Parser.ParseFrom(started.OutputBytes).Address, StringComparison.Ordinal);
            Assert.Contains($":/{cgroup}\n", File.ReadAllText($"/proc/{shim}/cgroup"), StringComparison.Ordinal);
        }
        finally
        {
            Signals.Send(shim, Signals.SIGTERM);
            await Eventually.TrueAsync("the shim is gone", () => !Directory.Exists($"/proc/{shim}"));
            Assert.True(Cgroup.AtPath(CgroupHierarchies.Read(), cgroup).RemoveIfEmpty());
        }
    }

    [Fact]
    public async Task A_relative_socket_is_in_the_directory_in_which_the_shim_is_started()
    {
        string bundle = Directory.CreateDirectory(_directory["bundle"]).FullName;
        string here = Directory.CreateDirectory(_directory["here"]).FullName;
        using Process shim = Command.Start(Tools.Shim,
            ["-namespace", "test", "-id", "c", "-bundle", bundle, "-socket", "containerd.sock"], here);
        try
        {
            string socket = Path.Combine(here, "containerd.sock");
            await Eventually.TrueAsync("the shim listens", () => File.Exists(socket) && UnixSocket.IsListening(socket));
            Assert.Equal([], Directory.GetFileSystemEntries(bundle).Select(Path.GetFileName)
                .Where(static name => name != "log"));
        }
        finally
        {
            Signals.Send(shim.Id, Signals.SIGTERM);
            await shim.WaitForExitAsync();
        }
    }
}
