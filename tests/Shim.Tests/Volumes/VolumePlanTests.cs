using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Plans from real directories.</summary>
public sealed class VolumePlanTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();

    public void Dispose() => _kubelet.Dispose();

    [Theory]
    [InlineData("", false, "passthrough")]
    [InlineData("options=ro", false, "passthrough")]
    [InlineData("logs.share=pod", false, "passthrough")]
    [InlineData("share=shared", true, "passthrough")]
    [InlineData("share=pod", false, "pod-disk")]
    [InlineData("type=bind", false, "pod-disk")]
    [InlineData("", true, "pod-disk")]
    [InlineData("force-shared=false", true, "pod-disk")]
    public void Every_emptyDir_on_the_node_is_decided_about(string annotations, bool configured, string outcome)
    {
        _kubelet.AddEmptyDir("data");
        _kubelet.AddEmptyDir("logs");
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations(annotations), ExamplePod.Uid, _kubelet.Root, configured);
        VolumeMedium medium = plan.Pod!.Volumes.Single(static volume => volume.Name == "data").Directory!.Medium;
        string expected = medium == VolumeMedium.Memory ? outcome.Replace("disk", "memory") : outcome;
        Assert.Equal(expected, plan.Decisions.Volumes.Single(static decision => decision.Volume == "data").Outcome);
        Assert.Equal((ExamplePod.Uid, _kubelet.Pod), (plan.Decisions.PodUid, plan.Decisions.Directory));
        Assert.Empty(plan.Warnings);
    }

    [Fact]
    public void A_configuration_without_effect_is_a_warning()
    {
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations(""), ExamplePod.Uid, _kubelet["nothing"], configured: true);
        Assert.Contains("kubelet_root", Assert.Single(plan.Warnings), StringComparison.Ordinal);
        Assert.Empty(plan.Decisions.Volumes);
    }

    [Fact]
    public void Nothing_on_the_node_changes()
    {
        _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations("share=pod"), ExamplePod.Uid, _kubelet.Root, configured: false);
        Assert.Equal("shared-by-pod", Assert.Single(plan.Decisions.Volumes).RuleName);
        Assert.Single(Directory.GetFileSystemEntries($"{_kubelet.EmptyDirs}/data"));
    }

    [Fact]
    public void Without_a_pod_nothing_is_read_and_nothing_is_decided()
    {
        VolumePlan plan = VolumePlan.Make(ExamplePod.Annotations("share=pod"), null, "/no/such", configured: true);
        Assert.Null(plan.Pod);
        Assert.Same(VolumeDecisions.None, plan.Decisions);
        Assert.Single(plan.Warnings);
    }

    [Fact]
    public void Invalid_annotations_are_rejected_before_anything_is_read() => Assert.Throws<VolumeException>(
        () => VolumePlan.Make(ExamplePod.Annotations("share=x"), null, "/no/such", configured: false));
}
