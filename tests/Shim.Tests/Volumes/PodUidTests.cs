using Shim.Volumes;

namespace Shim.Tests.Volumes;

public sealed class PodUidTests
{
    private const string Cri = "io.kubernetes.cri.sandbox-uid";
    private const string LogDirectory = "io.kubernetes.cri.sandbox-log-directory";
    private const string Crio = "io.kubernetes.pod.uid";
    private const string CrioType = "io.kubernetes.cri-o.ContainerType";

    [Theory]
    [InlineData(ExamplePod.Uid, Cri, ExamplePod.Uid)]
    // The uid of a static pod is a hash.
    [InlineData("0123456789abcdef0123456789abcdef", Cri, "0123456789abcdef0123456789abcdef")]
    // containerd before 1.6.11.
    [InlineData(ExamplePod.Uid, LogDirectory, $"/var/log/pods/ns_name_{ExamplePod.Uid}")]
    [InlineData(ExamplePod.Uid, LogDirectory, $"/var/log/pods/ns_name_{ExamplePod.Uid}/")]
    [InlineData(ExamplePod.Uid, LogDirectory, $"/var/log/pods/{ExamplePod.Uid}")]
    [InlineData(ExamplePod.Uid, LogDirectory, $"/var/log/pods/{ExamplePod.Uid}//")]
    [InlineData("one", Cri, "one", LogDirectory, "/var/log/pods/ns_name_other")]
    [InlineData("other", Cri, "", LogDirectory, "/var/log/pods/ns_name_other")]
    [InlineData("crio", CrioType, "sandbox", Crio, "crio")]
    [InlineData("crio", CrioType, "container", Crio, "crio", LogDirectory, "/var/log/pods/ns_name_other")]
    // Anybody's label.
    [InlineData(null, Crio, "crio")]
    [InlineData(null)]
    [InlineData(null, Cri, "")]
    [InlineData(null, LogDirectory, "")]
    [InlineData(null, LogDirectory, "/")]
    [InlineData(null, LogDirectory, "/var/log/pods/..")]
    [InlineData(null, LogDirectory, "/var/log/pods/ns_name_")]
    [InlineData(null, LogDirectory, "/var/log/pods/ns_name_..")]
    [InlineData(null, LogDirectory, "/var/log/pods/ns_name_a.b")]
    public void The_uid_is_found_in_the_annotations(string? expected, params string[] annotations) =>
        Assert.Equal((expected, 0), (Find(annotations, out IReadOnlyList<string> warnings), warnings.Count));

    [Theory]
    [InlineData(Cri, "..")]
    [InlineData(Cri, ".")]
    [InlineData(Cri, "../../etc")]
    [InlineData(Cri, "a/b")]
    [InlineData(Cri, "/")]
    [InlineData(Cri, " ")]
    [InlineData(Cri, "a\0")]
    [InlineData(Cri, "a\n")]
    [InlineData(Cri, "ä")]
    [InlineData(Crio, "..", CrioType, "sandbox")]
    [InlineData(Crio, "a/b", CrioType, "sandbox")]
    [InlineData(Cri, "nydus_sandbox.1", LogDirectory, "/var/log/pods/ns_name_other")]
    [InlineData(Cri, "test uid")]
    [InlineData(Cri, "pod:1")]
    public void A_pod_whose_uid_is_not_of_Kubernetes_has_no_volumes(params string[] annotations)
    {
        Assert.Null(Find(annotations, out IReadOnlyList<string> warnings));
        Assert.Contains($"annotation {annotations[0]}=\"{annotations[1]}\"", Assert.Single(warnings),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_uid_has_at_most_128_characters()
    {
        Assert.True(PodUid.IsUid(new string('a', 128)));
        Assert.False(PodUid.IsUid(new string('a', 129)));
        Assert.False(PodUid.IsUid(""));
    }

    private static string? Find(string[] annotations, out IReadOnlyList<string> warnings)
    {
        List<string> received = [];
        warnings = received;
        return PodUid.Find(
            annotations.Chunk(2).ToDictionary(static pair => pair[0], static pair => pair[1]), received);
    }
}
