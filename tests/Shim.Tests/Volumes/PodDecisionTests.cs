using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>Requests for volumes that are missing, ambiguous or not emptyDirs, and requests that are ignored.</summary>
public sealed class PodDecisionTests
{
    private static readonly Dictionary<string, string> s_none = [];

    [Theory]
    [InlineData("share=pod")]
    [InlineData("share=container type=tmpfs")]
    [InlineData("type=bind")]
    [InlineData("medium=disk")]
    public void A_request_for_a_missing_volume_is_rejected(string annotations)
    {
        Assert.StartsWith($"volume data of pod {ExamplePod.Uid} cannot be kept in the sandbox: {ExamplePod.Directory}"
            + "/volumes has no such volume, and only an emptyDir can be kept there ",
            Rejection(annotations, ExamplePod.EmptyDir("data2")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("share=pod")]
    [InlineData("medium=memory")]
    public void A_request_for_two_volumes_of_the_same_name_is_rejected(string annotations)
    {
        string message = Rejection(annotations, ExamplePod.EmptyDir(), ExamplePod.Other("data"));
        foreach (string words in (string[])["volume data ", ExamplePod.Uid, "2 volumes of that name"])
            Assert.Contains(words, message, StringComparison.Ordinal);
    }

    /// <summary>runsc must not see the pod's hint about a directory that is not one of its volumes.</summary>
    [Theory]
    [InlineData("share=shared type=bind source=/etc")]
    [InlineData("force-shared=true type=tmpfs share=pod source=/etc directfs=true")]
    [InlineData("options=rw source=/etc")]
    [InlineData("force-shared=true")]
    [InlineData("share=shared medium=disk")]
    public void A_request_to_pass_a_missing_volume_through_is_ignored_with_a_warning(string annotations)
    {
        Rewriting rewriting = Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With());
        Assert.Empty(rewriting.Decisions.Volumes);
        Assert.Contains("volume data ", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
        Assert.DoesNotContain(rewriting.Annotations.Keys,
            static name => name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal));
        // The rewritten annotations are accepted too.
        Assert.True(Rewriting.OfSandbox(rewriting.Annotations, [], ExamplePod.With()).Edits.IsEmpty);
    }

    [Fact]
    public void Nothing_is_edited_if_the_pod_is_not_known()
    {
        Dictionary<string, string> annotations =
            ExamplePod.Annotations("share=pod type=tmpfs source=/x logs.medium=disk");
        Rewriting rewriting = Rewriting.OfSandbox(
            annotations, [ExamplePod.Mount("bind /x /data rbind")], pod: null, configured: true);
        Assert.True(rewriting.Edits.IsEmpty);
        Assert.Empty(rewriting.Decisions.Volumes);
        Assert.Contains("uid of the pod", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
        Assert.Empty(Rewriting.OfSandbox(s_none, [], pod: null).Warnings);
    }

    /// <summary>A stranger wrote a pod's hints; those of a container that is not of a pod are a client's.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Hints_of_a_pod_without_a_uid_do_not_reach_runsc(bool isOfPod)
    {
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations("source=/etc type=bind share=pod"), [], pod: null, isOfPod: isOfPod);
        Assert.Equal(!isOfPod, rewriting.Annotations.Keys.Any(
            static name => name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("kubernetes.io~csi")]
    [InlineData("kubernetes.io~configmap")]
    [InlineData("kubernetes.io~secret")]
    [InlineData("kubernetes.io~projected")]
    [InlineData("kubernetes.io~nfs")]
    [InlineData("kubernetes.io~local-volume")]
    [InlineData("kubernetes.io~empty-dir2")]
    public void A_volume_of_another_type_is_passed_through(string plugin)
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.Other("data", plugin));
        SpecMount[] mounts =
        [
            ExamplePod.Mount($"bind {ExamplePod.PathOf("data", plugin)} /data rbind"),
            ExamplePod.Mount($"bind {ExamplePod.PathOf("data", plugin)}/mount /claim rbind"),
            ExamplePod.Mount($"bind {ExamplePod.Directory}/volume-subpaths/data/app/0 /sub rbind"),
        ];
        foreach (bool configured in (bool[])[false, true])
        {
            Rewriting rewriting = Rewriting.OfSandbox(
                ExamplePod.Annotations("type=tmpfs share=pod options=rw"), mounts, pod, configured);
            Assert.Equal(("passthrough", "other-volume-type", ExamplePod.PathOf("data", plugin)),
                (rewriting.Data.Outcome, rewriting.Data.RuleName, rewriting.Data.Path));
            Assert.Equal($"not an emptyDir ({plugin})", rewriting.Data.Why);
            Assert.Equal($"hint about volume data is removed: not an emptyDir ({plugin}), and its data outlives the "
                + "pod", Assert.Single(rewriting.Warnings));
            Assert.Empty(rewriting.Annotations);
            Assert.Empty(rewriting.Edits.Mounts);
            Assert.Empty(Rewriting.OfContainer(s_none, mounts, rewriting.Decisions).Edits.Mounts);
        }
    }

    [Fact]
    public void A_medium_for_a_volume_of_another_type_is_ignored_with_a_warning()
    {
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations("medium=memory"), [], ExamplePod.With(ExamplePod.Other("data")));
        Assert.Equal("other-volume-type", rewriting.Data.RuleName);
        Assert.Contains("volume data", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Passing_a_volume_of_another_type_through_on_request_is_no_warning() => Assert.Empty(Rewriting.OfSandbox(
        ExamplePod.Annotations("force-shared=true"), [], ExamplePod.With(ExamplePod.Other("data"))).Warnings);

    [Fact]
    public void The_configuration_applies_only_to_emptyDirs()
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir("a"), ExamplePod.Other("b"),
            ExamplePod.EmptyDir("c", "memory"), ExamplePod.EmptyDir("d", "disk used"));
        Rewriting rewriting = Rewriting.OfSandbox(s_none, [], pod, configured: true);
        Assert.Equal(["a pod-disk configured", "c pod-memory configured", "d passthrough used-by-others"],
            rewriting.Decisions.Volumes.Select(static volume => $"{volume.Volume} {volume.Outcome} {volume.RuleName}"));
        Assert.Empty(rewriting.Warnings);
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("..")]
    [InlineData("/var/lib/kubelet/pods/other/volumes/kubernetes.io~empty-dir/data")]
    [InlineData($"{ExamplePod.Directory}/volumes/kubernetes.io~empty-dir/../kubernetes.io~csi/claim")]
    public void A_source_in_the_annotations_is_ignored_with_a_warning(string source)
    {
        foreach (string annotations in (string[])
            ["share=pod", "share=container type=bind", "share=shared", "options=ro"])
        {
            SpecMount[] mounts = [ExamplePod.Mount("bind x /data rbind") with { Source = source }];
            Dictionary<string, string> asked = ExamplePod.Annotations(annotations);
            asked.Add("dev.gvisor.spec.mount.data.source", source);
            Rewriting rewriting = Rewriting.OfSandbox(asked, mounts, ExamplePod.With(ExamplePod.EmptyDir()));
            string warning = Assert.Single(rewriting.Warnings);
            Assert.Contains($"dev.gvisor.spec.mount.data.source=\"{source}\"", warning, StringComparison.Ordinal);
            Assert.Contains(ExamplePod.DataPath, warning, StringComparison.Ordinal);
            Assert.DoesNotContain(source, rewriting.Annotations.Values);
            Assert.Empty(rewriting.Edits.Mounts);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("its own path")]
    public void An_empty_or_correct_source_is_no_warning(string source)
    {
        Dictionary<string, string> asked = ExamplePod.Annotations("share=pod");
        asked.Add("dev.gvisor.spec.mount.data.source", source.Length == 0 ? "" : ExamplePod.DataPath);
        Rewriting rewriting = Rewriting.OfSandbox(asked, [], ExamplePod.With(ExamplePod.EmptyDir()));
        Assert.Empty(rewriting.Warnings);
        Assert.Equal(ExamplePod.DataPath, rewriting.Annotations["dev.gvisor.spec.mount.data.source"]);
    }

    [Fact]
    public void A_hint_keeps_fields_that_the_shim_does_not_know()
    {
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations("share=pod directfs=true newer=x"), [], ExamplePod.With(ExamplePod.EmptyDir()));
        Assert.Equivalent(
            ExamplePod.Annotations("hint=pod directfs=true newer=x"), rewriting.Annotations, strict: true);
    }

    [Theory]
    [InlineData("", "disk", false, false)]
    [InlineData("", "disk used", false, true)]
    [InlineData("gke-gcsfuse-tmp.share=pod", "disk used", false, true)]
    [InlineData("", "disk used", true, true)]
    [InlineData("gke-gcsfuse-tmp.force-shared=true", "memory", true, true)]
    [InlineData("gke-gcsfuse-tmp.share=pod", "disk", false, false)]
    [InlineData("gke-gcsfuse-tmp.medium=memory", "disk", false, false)]
    [InlineData("", "disk", true, false)]
    public void Host_sockets_are_open_if_the_volume_of_a_gcsfuse_sidecar_is_forced_or_used(
        string annotations, string facts, bool configured, bool open)
    {
        const string Name = "dev.gvisor.flag.host-uds";
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir("gke-gcsfuse-tmp", facts));
        SpecMount mount = ExamplePod.Mount($"bind {ExamplePod.PathOf("gke-gcsfuse-tmp")} /tmp rbind");
        Dictionary<string, string> asked = ExamplePod.Annotations(annotations);
        // The sandbox's first container mounts no volumes.
        Rewriting sandbox = Rewriting.OfSandbox(asked, [], pod, configured);
        Assert.Equal(open ? "open" : null, sandbox.Annotations.GetValueOrDefault(Name));
        Rewriting container = Rewriting.OfContainer(s_none, [mount], sandbox.Decisions);
        Assert.Equal(open ? "open" : null, container.Annotations.GetValueOrDefault(Name));
        Assert.Empty(Rewriting.OfContainer(s_none, [], sandbox.Decisions).Annotations);

        // The pod's own annotation takes precedence.
        var said = new Dictionary<string, string>(asked) { [Name] = "none" };
        Assert.Equal("none", Rewriting.OfSandbox(said, [mount], pod, configured).Annotations[Name]);
        Assert.Empty(Rewriting.OfContainer(
            new Dictionary<string, string> { [Name] = "none" }, [mount], sandbox.Decisions).Edits.Annotations);
    }

    [Fact]
    public void Host_sockets_stay_closed_for_other_volumes()
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir(), ExamplePod.EmptyDir("gke-gcsfuse-tmp2"));
        SpecMount mount = ExamplePod.Mount($"bind {ExamplePod.DataPath} /gke-gcsfuse-tmp rbind");
        Assert.True(Rewriting.OfSandbox(s_none, [mount], pod).Edits.IsEmpty);
    }

    private static string Rejection(string annotations, params IReadOnlyList<PodVolume> volumes) =>
        Assert.Throws<VolumeException>(() =>
            Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With(volumes))).Message;
}
