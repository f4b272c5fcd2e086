using System.Text;
using System.Text.Json.Nodes;
using Linux;
using Shim.Bundles;
using Shim.Oci;

namespace Shim.Tests.Oci;

public sealed class ContainerSpecTests
{
    [Fact]
    public void A_sandbox_of_CRI()
    {
        ContainerSpec spec = Read(
            """
            {"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"pod",
             "io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/ns_pod_uid"},
             "linux":{"cgroupsPath":"/kubepods/podx/pod"}}
            """);
        Assert.True(spec.IsSandbox);
        Assert.Equal("pod", spec.SandboxId);
        Assert.Equal("/var/log/pods/ns_pod_uid", spec.SandboxLogDirectory);
        Assert.Equal("/kubepods/podx/pod", spec.CgroupsPath);
    }

    [Theory]
    [InlineData("\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"pod\"")]
    [InlineData("\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"pod\"")]
    [InlineData("\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"pod+\"")]
    public void A_container_of_a_pod(string annotations)
    {
        ContainerSpec spec = Read($"{{\"annotations\":{{{annotations}}}}}");
        Assert.False(spec.IsSandbox);
        Assert.Equal("pod", spec.SandboxId);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"annotations":null,"linux":null}""")]
    [InlineData("""{"annotations":{},"linux":{"cgroupsPath":null}}""")]
    [InlineData(
        """
        {"annotations":{"io.kubernetes.cri.sandbox-id":"","io.kubernetes.cri.sandbox-log-directory":""},"linux":[]}
        """)]
    public void A_container_that_is_its_own_sandbox(string json)
    {
        ContainerSpec spec = Read(json);
        Assert.True(spec.IsSandbox);
        Assert.Null(spec.SandboxId);
        Assert.Null(spec.SandboxLogDirectory);
        Assert.Null(spec.CgroupsPath);
    }

    [Theory]
    [InlineData("""{"linux":{"namespaces":[{"type":"ipc"},{"type":"pid"}]}}""", true)]
    [InlineData("""{"linux":{"namespaces":[{"type":"pid","path":""}]}}""", true)]
    [InlineData("""{"linux":{"namespaces":[{"type":"pid","path":"/proc/12/ns/pid"}]}}""", false)]
    [InlineData("""{"linux":{"namespaces":[{"type":"ipc"}]}}""", false)]
    [InlineData("""{"linux":{"namespaces":null}}""", false)]
    [InlineData("{}", false)]
    public void A_container_has_its_own_pid_namespace_unless_that_has_a_path(string json, bool own) =>
        Assert.Equal(own, Read(json).HasOwnPidNamespace);

    [Theory]
    [InlineData("{\"annotations\":", "is not an OCI specification")]
    [InlineData("", "is not an OCI specification")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("null", "not a JSON object")]
    [InlineData("""{"annotations":[]}""", "annotations is not an object")]
    [InlineData("""{"annotations":{"a":1}}""", "annotation a is not a string")]
    [InlineData("""{"annotations":{"a":null}}""", "annotation a is not a string")]
    [InlineData("""{"annotations":{"a":"\ud800"}}""", "is not an OCI specification")]
    public void A_file_that_is_not_a_specification_is_rejected(string json, string words)
    {
        RefusedException e = Assert.Throws<RefusedException>(() => Read(json));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.Contains("/config.json is not an OCI specification: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_specification_is_rejected()
    {
        RefusedException e =
            Assert.Throws<RefusedException>(() => ContainerSpec.Read("/no/such/bundle/config.json"));
        Assert.Equal(Refusal.InvalidArgument, e.Refusal);
        Assert.StartsWith("OCI specification /no/such/bundle/config.json cannot be read: ", e.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_sandbox_id_is_written_and_everything_else_stays()
    {
        const string Json =
            """
            {
              "ociVersion": "1.1.0", "x-unknown": [1, 1.0, 1e400, -0.0, 18446744073709551616, 0.1234567890123456789],
              "annotations": {"z": "é\"<>&+ \u2028", "io.kubernetes.cri.sandbox-id": "pod", "a": ""},
              "linux": {"resources": {"memory": {"limit": 9223372036854775807}}, "seccomp": null, "empty": {}},
              "process": {"args": ["sh", "-c", "echo 'ü' \\ /"], "env": []}
            }
            """;
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        directory.Write("config.json", Json);
        Edit(bundle);

        string written = File.ReadAllText(bundle.Specification);
        JsonNode expected = JsonNode.Parse(Json)!;
        expected["annotations"]!["io.kubernetes.cri.sandbox-id"] = "pod+";
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(written)), written);
        // Numbers stay digit by digit: parsing and writing them would round them.
        Assert.Contains(
            "[1, 1.0, 1e400, -0.0, 18446744073709551616, 0.1234567890123456789]", written, StringComparison.Ordinal);
        Assert.Contains("\"limit\": 9223372036854775807", written, StringComparison.Ordinal);
        Assert.Equal(["ociVersion", "x-unknown", "annotations", "linux", "process"],
            JsonNode.Parse(written)!.AsObject().Select(property => property.Key));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(bundle.Specification));
        Assert.Equal([bundle.Specification], Directory.GetFileSystemEntries(directory.Path));
        Assert.Equal("pod", ContainerSpec.Read(bundle.Specification).SandboxId);
    }

    [Fact]
    public void The_sandbox_id_is_written_to_the_annotation_of_CRI_O()
    {
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        directory.Write("config.json", """{"annotations":{"io.kubernetes.cri-o.SandboxID":"pod"}}""");
        Edit(bundle);
        JsonNode written = JsonNode.Parse(File.ReadAllText(bundle.Specification))!;
        Assert.Equal("pod+", (string?)written["annotations"]!["io.kubernetes.cri-o.SandboxID"]);
    }

    [Theory]
    [InlineData("""{"annotations":{"a":"b"}}""")]
    [InlineData("{}")]
    [InlineData("""{"annotations":{"io.kubernetes.cri.sandbox-id":"pod+"}}""")]
    // The id of a CRI sandbox is the same in runsc.
    [InlineData(
        """
        {"annotations":{
          "io.kubernetes.cri.sandbox-id":"3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f3e2c0a1f"}}
        """)]
    public void A_specification_that_needs_no_edit_is_not_written(string json)
    {
        using TempDirectory directory = new();
        var bundle = new Bundle(directory.Path);
        directory.Write("config.json", json);
        // If the file were replaced, the open descriptor's link would end in "(deleted)".
        using Descriptor open = Descriptor.Open(bundle.Specification, OpenFlags.O_RDONLY);
        Edit(bundle);
        Assert.Equal(bundle.Specification, new FileInfo($"/proc/self/fd/{open.Fd}").LinkTarget);
        Assert.Equal(json, File.ReadAllText(bundle.Specification));
    }

    private static void Edit(Bundle bundle)
    {
        ContainerSpec spec = ContainerSpec.Read(bundle.Specification);
        var edits = new SpecEdits(spec.Annotations, spec.Mounts);
        EditForRunsc.Apply(spec, edits);
        spec.Write(bundle.Specification, edits);
    }

    private static ContainerSpec Read(string json)
    {
        using TempDirectory directory = new();
        File.WriteAllBytes(directory["config.json"], Encoding.UTF8.GetBytes(json));
        return ContainerSpec.Read(directory["config.json"]);
    }
}
