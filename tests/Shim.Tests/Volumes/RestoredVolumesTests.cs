using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>The volumes of a restored pod are as they were in the saved pod.</summary>
public sealed class RestoredVolumesTests
{
    private const string NewUid = "11111111-6f2b-4a9e-8a55-6f1c3a0b9e11";

    [Fact]
    public void Decisions_are_the_image_s_with_the_new_pod_s_paths()
    {
        VolumeDecisions saved = Saved("share=pod logs.share=container logs.type=tmpfs",
            ExamplePod.EmptyDir(facts: "disk mode=2770 gid=7"), ExamplePod.EmptyDir("logs"),
            ExamplePod.EmptyDir("plain"));
        // On another node, in a pod that requests nothing.
        VolumeDecisions restored = Decide(saved, out List<string> warnings,
            New("data", "memory"), New("logs"), New("plain"));
        Assert.Empty(warnings);
        Assert.Equal(NewUid, restored.PodUid);
        Assert.Equal(
            [
                ("data", "pod-disk", "restored", PathOf("data"), "rw,mode=2770,uid=0,gid=7"),
                ("logs", "container-memory", "restored", PathOf("logs"), "rw,mode=777,uid=0,gid=0"),
                ("plain", "passthrough", "restored", PathOf("plain"), ""),
            ],
            restored.Volumes.Select(
                static each => (each.Volume, each.Outcome, each.RuleName, each.Path, each.Options)));
    }

    [Fact]
    public void A_volume_that_the_image_does_not_have_is_passed_through_with_a_warning()
    {
        VolumeDecisions restored = Decide(
            Saved("share=pod", ExamplePod.EmptyDir()), out List<string> warnings, New("data"), New("new"));
        Assert.Equal(["pod-disk", "passthrough"], restored.Volumes.Select(static each => each.Outcome));
        Assert.Contains("volume new is passed through", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("other", "disk", "has no such emptyDir")]
    [InlineData("data", "used", "/data: it holds \"socket\"")]
    [InlineData("data", "used", "something else uses")]
    [InlineData("data", "gone", "/data is gone")]
    public void A_volume_of_the_image_that_the_pod_does_not_have_for_itself_is_an_error(
        string volume, string facts, string words)
    {
        VolumeException e = Assert.Throws<VolumeException>(
            () => Decide(Saved("share=pod", ExamplePod.EmptyDir()), out _, New(volume, facts)));
        Assert.StartsWith(
            "volume data cannot be restored: the image holds it, but ", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    private static VolumeDecisions Saved(string annotations, params PodVolume[] volumes) =>
        Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With(volumes)).Decisions;

    private static VolumeDecisions Decide(VolumeDecisions saved, out List<string> warnings, params PodVolume[] volumes)
    {
        warnings = [];
        string directory = $"/var/lib/kubelet/pods/{NewUid}";
        return RestoredVolumes.Decide(saved, new PodVolumes(NewUid, directory, directory, volumes), warnings);
    }

    private static PodVolume New(string name, string facts = "disk") =>
        ExamplePod.EmptyDir(name, facts) with { Path = PathOf(name) };

    private static string PathOf(string name) =>
        $"/var/lib/kubelet/pods/{NewUid}/volumes/{PodVolume.EmptyDirPlugin}/{name}";
}
