using System.Text.Json.Nodes;
using CsCheck;
using Shim.Bundles;
using Shim.Oci;

namespace Shim.Tests.Volumes;

/// <summary>Rewriting through the file that containerd writes and runsc reads.</summary>
public sealed class SpecFilePropertyTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Rewriting_a_rewritten_file_changes_nothing()
    {
        var bundle = new Bundle(_directory.Path);
        VolumeScenario.Valid.Sample((scenario, expected) =>
        {
            string original = Json(scenario);
            _directory.Write("config.json", original);
            SpecEdits once = Rewrite(bundle, scenario);
            string written = File.ReadAllText(bundle.Specification);
            Assert.Equal(once.IsEmpty, written == original);

            ContainerSpec read = ContainerSpec.Read(bundle.Specification);
            Assert.Equal(expected.Annotations.OrderBy(static annotation => annotation.Key, StringComparer.Ordinal),
                read.Annotations.OrderBy(static annotation => annotation.Key, StringComparer.Ordinal));
            Assert.Equal(expected.MountTexts, read.Mounts.Select(ExamplePod.TextOf));
            AssertOthersStayed(original, written);

            Assert.True(Rewrite(bundle, scenario).IsEmpty);
            Assert.Equal(written, File.ReadAllText(bundle.Specification));
        }, iter: 2000, threads: 1);
    }

    private static SpecEdits Rewrite(Bundle bundle, VolumeScenario scenario)
    {
        ContainerSpec spec = ContainerSpec.Read(bundle.Specification);
        SpecEdits edits = Rewriting.OfSandbox(spec.Annotations, spec.Mounts, scenario.Pod, scenario.Configured).Edits;
        spec.Write(bundle.Specification, edits);
        return edits;
    }

    private static void AssertOthersStayed(string original, string written)
    {
        JsonObject before = JsonNode.Parse(original)!.AsObject(), after = JsonNode.Parse(written)!.AsObject();
        Assert.Contains("1e400", written, StringComparison.Ordinal);
        foreach (JsonObject spec in (JsonObject[])[before, after])
        {
            spec.Remove("annotations");
            spec.Remove("mounts");
        }
        Assert.True(JsonNode.DeepEquals(before, after));
    }

    private static string Json(VolumeScenario scenario) => new JsonObject
    {
        ["ociVersion"] = "1.1.0",
        ["annotations"] = new JsonObject(scenario.Annotations.Select(static annotation =>
            KeyValuePair.Create(annotation.Key, (JsonNode?)annotation.Value))),
        ["x-unknown"] = JsonNode.Parse("[1e400, 1.0, {\"\": null}]"),
        ["mounts"] = new JsonArray([.. scenario.SandboxMounts.Select(static mount => new JsonObject
        {
            ["destination"] = mount.Destination,
            ["x-unknown"] = 1,
            ["type"] = mount.Type,
            ["source"] = mount.Source,
            ["options"] = new JsonArray([.. mount.Options.Select(static option => (JsonNode?)option)]),
        })]),
    }.ToJsonString();
}
