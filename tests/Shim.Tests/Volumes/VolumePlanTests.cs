using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Which directories are looked into before anything is decided; on real ones.</summary>
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
    public void What_is_found_is_decided_about(string annotations, bool configured, string outcome)
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
    public void A_configuration_that_has_no_effect_is_told()
    {
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations(""), ExamplePod.Uid, _kubelet["nothing"], configured: true);
        Assert.Contains("kubelet_root", Assert.Single(plan.Warnings), StringComparison.Ordinal);
        Assert.Empty(plan.Decisions.Volumes);
    }

    [Fact]
    public void Nothing_changes()
    {
        _kubelet.AddEmptyDir("data", ".gvisor.filestore.gone");
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations("share=pod"), ExamplePod.Uid, _kubelet.Root, configured: false);
        Assert.Equal("shared-by-pod", Assert.Single(plan.Decisions.Volumes).RuleName);
        Assert.Single(Directory.GetFileSystemEntries($"{_kubelet.EmptyDirs}/data"));
    }

    [Fact]
    public void A_pod_that_nobody_knows_is_not_looked_for()
    {
        VolumePlan plan = VolumePlan.Make(ExamplePod.Annotations("share=pod"), null, "/no/such", configured: true);
        Assert.Null(plan.Pod);
        Assert.Same(VolumeDecisions.None, plan.Decisions);
        Assert.Single(plan.Warnings);
    }

    [Fact]
    public void Bad_annotations_are_refused_before_anything_is_looked_at() =>
        Assert.Throws<VolumeException>(() => VolumePlan.Make(ExamplePod.Annotations("share=x"), null, "/no/such", configured: false));
}
