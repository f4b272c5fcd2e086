using Shim.Bundles;
using Shim.Configuration;
using Shim.Runsc;

namespace Shim.Tests.Bundles;

public sealed class BundleStateTests
{
    private static readonly BundleState s_state = BundleState.For("web", "k8s.io", new ShimConfiguration
    {
        BinaryName = "/opt/runsc",
        Root = "/run/r",
        RunscConfig = new() { ["platform"] = "systrap", ["debug-log"] = "/tmp/\"ü\"\n/", ["empty"] = "" },
    });

    [Fact]
    public void The_record_holds_how_runsc_is_run()
    {
        Assert.Equal("web+", s_state.RunscId);
        Assert.Equal("/opt/runsc", s_state.Binary);
        Assert.Equal("/run/r/k8s.io", s_state.RunscRoot);
        RunscSettings settings = s_state.ToSettings("/var/log/panic");
        Assert.Equal(("/opt/runsc", "/run/r/k8s.io", "/var/log/panic"),
            (settings.Binary, settings.Root, settings.PanicLog));
        Assert.Equal(s_state.Flags, settings.Flags);
    }

    /// <summary>gVisor's documented file has one directory for each container.</summary>
    [Fact]
    public void Flags_may_have_the_containers_id()
    {
        BundleState state = BundleState.For("web", "k8s.io", new ShimConfiguration
        {
            RunscConfig = new() { ["debug-log"] = "/var/log/runsc/%ID%/gvisor.%COMMAND%.log", ["debug"] = "true" },
        });
        Assert.Equal("/var/log/runsc/web/gvisor.%COMMAND%.log", state.Flags["debug-log"]);
        Assert.Equal("true", state.Flags["debug"]);
    }

    [Fact]
    public void A_saved_record_is_loaded_unchanged()
    {
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        s_state.Save(bundle);
        s_state.Save(bundle);
        BundleState loaded = BundleState.Load(bundle)!;
        Assert.Equal((s_state.RunscId, s_state.Binary, s_state.RunscRoot),
            (loaded.RunscId, loaded.Binary, loaded.RunscRoot));
        Assert.Equal(s_state.Flags, loaded.Flags);
        Assert.Null(loaded.OwnCgroup);
        (s_state with { OwnCgroup = "/kubepods/web" }).Save(bundle);
        Assert.Equal("/kubepods/web", BundleState.Load(bundle)!.OwnCgroup);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(bundle.State));
        Assert.Equal([bundle.State], Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void A_truncated_record_is_not_loaded()
    {
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        s_state.Save(bundle);
        byte[] whole = File.ReadAllBytes(bundle.State);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(bundle.State, whole[..length]);
            Assert.Null(BundleState.Load(bundle));
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"runsc_id":"web+","binary_name":"runsc","runsc_root":"/r"}""")]
    [InlineData("""{"runsc_id":1,"binary_name":"runsc","runsc_root":"/r","runsc_config":{}}""")]
    [InlineData("""{"runsc_id":null,"binary_name":"runsc","runsc_root":"/r","runsc_config":{}}""")]
    [InlineData("""{"runsc_id":"web+","binary_name":"runsc","runsc_root":"/r","runsc_config":{"debug":null}}""")]
    [InlineData("""{"runsc_id":"web+","binary_name":"runsc","runsc_root":"/r","runsc_config":[]}""")]
    public void JSON_of_another_shape_is_not_loaded(string json)
    {
        using TempDirectory directory = new();
        directory.Write("state.json", json);
        Assert.Null(BundleState.Load(new Bundle(directory.Path)));
    }

    [Fact]
    public void A_missing_record_is_not_loaded() => Assert.Null(BundleState.Load(new Bundle("/no/such/bundle")));
}
