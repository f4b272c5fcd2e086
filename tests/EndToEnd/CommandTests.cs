using System.Diagnostics;
using System.Text.Json;
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
