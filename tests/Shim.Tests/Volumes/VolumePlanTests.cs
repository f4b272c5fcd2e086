using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Which directories are looked into before anything is decided; on real ones.</summary>
public sealed class VolumePlanTests : IDisposable
{
    private readonly KubeletDirectory _kubelet = new();

    public void Dispose() => _kubelet.Dispose();

    [Theory]
    [InlineData("", false, false, "passthrough")]
    [InlineData("options=ro", false, false, "passthrough")]
    [InlineData("force-shared=false", false, false, "passthrough")]
    [InlineData("logs.share=pod", false, false, "passthrough")]
    [InlineData("share=shared", true, false, "passthrough")]
    [InlineData("force-shared=true medium=disk", true, false, "passthrough")]
    [InlineData("share=pod", false, true, "pod-disk")]
    [InlineData("medium=memory", false, true, "pod-memory")]
    [InlineData("type=bind", false, true, "pod-disk")]
    [InlineData("", true, true, "pod-disk")]
    [InlineData("force-shared=false", true, true, "pod-disk")]
    public void Only_what_a_decision_needs_is_looked_into(string annotations, bool configured, bool looked, string outcome)
    {
        _kubelet.AddEmptyDir("data");
        _kubelet.AddEmptyDir("logs");
        VolumePlan plan = VolumePlan.Make(
            ExamplePod.Annotations(annotations), ExamplePod.Uid, _kubelet.Root, configured);
        PodVolume volume = plan.Pod!.Volumes.Single(static volume => volume.Name == "data");
        Assert.Equal(looked, volume.Directory is not null);
        string expected = volume.Directory?.Medium == VolumeMedium.Memory ? outcome.Replace("disk", "memory") : outcome;
        Assert.Equal(expected, plan.Decisions.Volumes.Single(static decision => decision.Volume == "data").Outcome);
        Assert.Equal((ExamplePod.Uid, _kubelet.Pod), (plan.Decisions.PodUid, plan.Decisions.Directory));
        Assert.Empty(plan.Warnings);
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
