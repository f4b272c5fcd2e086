using System.Text.Json.Nodes;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Oci;
using Shim.Sandboxes;
using Shim.Tests.Support;
using Shim.Tests.Volumes;
using Shim.Volumes;

namespace Shim.Tests.Sandboxes;

/// <summary>Bundles of a sandbox and of a container that joins it, side by side as containerd makes them.</summary>
public sealed class VolumeSetupTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();
    private readonly TempDirectory _directory = new();

    public void Dispose()
    {
        _directory.Dispose();
        _kubelet.Dispose();
    }

    /// <summary>Without grouping each container has its own shim, which reads the sandbox's bundle.</summary>
    [Theory]
    [InlineData("share=pod")]
    [InlineData("medium=memory")]
    [InlineData("force-shared=true")]
    [InlineData("")]
    public void Another_shim_decides_the_same(string annotations)
    {
        string data = _kubelet.AddEmptyDir("data"), claim = _kubelet.AddOther("claim");
        foreach (string source in (string[])[data, claim])
            AssertSame(annotations, source);
    }

    /// <summary>A pod with claims only has no decisions, but its paths are still its own.</summary>
    [Fact]
    public void Another_shim_decides_the_same_for_a_pod_without_emptyDirs() =>
        AssertSame("", _kubelet.AddOther("claim"));

    private void AssertSame(string annotations, string source)
    {
        using TestLog log = new();
        Loops.Run(async loop =>
        {
            ShimContext context = new TestShim(loop, log.Log).Context;
            var setup = new VolumeSetup(context);
            VolumeDecisions decisions = await SetUpSandboxAsync(setup, WriteBundle("sandbox", annotations, source));
            var sandbox = new Sandbox(
                context, "sandbox", 1, new TaskCompletionSource<Linux.ProcessExit>().Task, new ScriptedControl())
            {
                Volumes = decisions,
            };
            Bundle grouped = WriteBundle("grouped", annotations, source);
            Bundle alone = WriteBundle("alone", annotations, source);
            await setup.SetUpContainerAsync(
                "grouped", grouped, ContainerSpec.Read(grouped.Specification), Configuration, sandbox);
            await setup.SetUpContainerAsync(
                "alone", alone, ContainerSpec.Read(alone.Specification), Configuration, sandbox: null);
            Assert.Equal(File.ReadAllText(grouped.Specification), File.ReadAllText(alone.Specification));
            Assert.False(File.Exists(alone.Volumes));
        });
        _ = log.Lines;
    }

    private ShimConfiguration Configuration => ShimConfiguration.Default with
    {
        KubeletRoot = _kubelet.Root,
        Root = _directory["runsc"],
    };

    private async Task<VolumeDecisions> SetUpSandboxAsync(VolumeSetup setup, Bundle bundle) =>
        await setup.SetUpSandboxAsync("sandbox", bundle, ContainerSpec.Read(bundle.Specification),
            _directory["runsc/k8s.io"], Configuration, saved: null);

    private Bundle WriteBundle(string name, string annotations, string shared)
    {
        var bundle = new Bundle(Directory.CreateDirectory(_directory[name]).FullName);
        Dictionary<string, string> all = ExamplePod.Annotations(annotations);
        all.Add("io.kubernetes.cri.sandbox-uid", ExamplePod.Uid);
        all.Add("io.kubernetes.cri.sandbox-id", "sandbox");
        all.Add("io.kubernetes.cri.container-type", name == "sandbox" ? "sandbox" : "container");
        var json = new JsonObject
        {
            ["annotations"] = new JsonObject(all.Select(static annotation =>
                KeyValuePair.Create(annotation.Key, (JsonNode?)annotation.Value))),
            ["mounts"] = new JsonArray(new JsonObject
            {
                ["destination"] = "/dev/shm",
                ["type"] = "bind",
                ["source"] = shared,
                ["options"] = new JsonArray("rbind"),
            }),
        };
        File.WriteAllText(bundle.Specification, json.ToJsonString());
        return bundle;
    }
}
