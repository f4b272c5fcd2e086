using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>What is asked for a volume that is not there, not alone, or no emptyDir; and what a pod may not say.</summary>
public sealed class PodDecisionTests
{
    private static readonly Dictionary<string, string> s_none = [];

    [Theory]
    [InlineData("share=pod")]
    [InlineData("share=container type=tmpfs")]
    [InlineData("type=bind")]
    [InlineData("medium=disk")]
    public void A_volume_that_is_not_there_is_refused(string annotations)
    {
        string message = Refused(annotations, ExamplePod.EmptyDir("data2"));
        foreach (string words in (string[])["volume data ", ExamplePod.Uid, $"{ExamplePod.Directory}/volumes has no such volume", "only an emptyDir"])
            Assert.Contains(words, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("share=pod")]
    [InlineData("medium=memory")]
    public void Two_volumes_of_one_name_are_refused(string annotations)
    {
        string message = Refused(annotations, ExamplePod.EmptyDir(), ExamplePod.Other("data"));
        foreach (string words in (string[])["volume data ", ExamplePod.Uid, "2 volumes of that name"])
            Assert.Contains(words, message, StringComparison.Ordinal);
    }

    /// <summary>runsc must not see a hint of the pod's own about a directory that is none of its volumes.</summary>
    [Theory]
    [InlineData("share=shared type=bind source=/etc")]
    [InlineData("force-shared=true type=tmpfs share=pod source=/etc directfs=true")]
    [InlineData("options=rw source=/etc")]
    [InlineData("force-shared=true")]
    [InlineData("share=shared medium=disk")]
    public void A_volume_that_is_not_there_can_be_left_alone(string annotations)
    {
        Rewriting rewriting = Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With());
        Assert.Empty(rewriting.Decisions.Volumes);
        Assert.Contains("volume data ", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
        Assert.DoesNotContain(rewriting.Annotations.Keys,
            static name => name.StartsWith(VolumeAnnotations.HintPrefix, StringComparison.Ordinal));
        // It still can when the annotations are read again, without the hint.
        Assert.True(Rewriting.OfSandbox(rewriting.Annotations, [], ExamplePod.With()).Edits.IsEmpty);
    }

    [Fact]
    public void A_pod_that_nobody_knows_keeps_everything_as_it_is()
    {
        Dictionary<string, string> annotations = ExamplePod.Annotations("share=pod type=tmpfs source=/x logs.medium=disk");
        Rewriting rewriting = Rewriting.OfSandbox(
            annotations, [ExamplePod.Mount("bind /x /data rbind")], pod: null, configured: true);
        Assert.True(rewriting.Edits.IsEmpty);
        Assert.Empty(rewriting.Decisions.Volumes);
        Assert.Contains("uid of the pod", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
        Assert.Empty(Rewriting.OfSandbox(s_none, [], pod: null).Warnings);
    }

    [Theory]
    [InlineData("kubernetes.io~csi")]
    [InlineData("kubernetes.io~configmap")]
    [InlineData("kubernetes.io~secret")]
    [InlineData("kubernetes.io~projected")]
    [InlineData("kubernetes.io~nfs")]
    [InlineData("kubernetes.io~local-volume")]
    [InlineData("kubernetes.io~empty-dir2")]
    public void Another_type_of_volume_stays_on_the_node(string plugin)
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
            Assert.Contains(plugin, Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
            Assert.Empty(rewriting.Annotations);
            Assert.Empty(rewriting.Edits.Mounts);
            Assert.Empty(Rewriting.OfContainer(s_none, mounts, rewriting.Decisions).Edits.Mounts);
        }
    }

    [Fact]
    public void A_medium_is_no_other_volume_s()
    {
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations("medium=memory"), [], ExamplePod.With(ExamplePod.Other("data")));
        Assert.Equal("other-volume-type", rewriting.Data.RuleName);
        Assert.Contains("volume data", Assert.Single(rewriting.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Nobody_has_to_say_that_another_volume_stays_on_the_node() => Assert.Empty(Rewriting.OfSandbox(
        ExamplePod.Annotations("force-shared=true"), [], ExamplePod.With(ExamplePod.Other("data"))).Warnings);

    [Fact]
    public void The_configuration_is_about_emptyDirs()
    {
        PodVolumes pod = ExamplePod.With(
            ExamplePod.EmptyDir("a"), ExamplePod.Other("b"), ExamplePod.EmptyDir("c", "memory"), ExamplePod.EmptyDir("d", "disk used"));
        Rewriting rewriting = Rewriting.OfSandbox(s_none, [], pod, configured: true);
        Assert.Equal(["a pod-disk configured", "c pod-memory configured", "d passthrough used-by-others"],
            rewriting.Decisions.Volumes.Select(static volume => $"{volume.Volume} {volume.Outcome} {volume.RuleName}"));
        Assert.Empty(rewriting.Warnings);
    }

    [Theory]
    [InlineData("/etc")]
    [InlineData("..")]
    [InlineData("/var/lib/kubelet/pods/other/volumes/kubernetes.io~empty-dir/data")]
    [InlineData("/var/lib/kubelet/pods/" + ExamplePod.Uid + "/volumes/kubernetes.io~empty-dir/../kubernetes.io~csi/claim")]
    public void A_source_is_not_the_pod_s_to_say(string source)
    {
        foreach (string annotations in (string[])["share=pod", "share=container type=bind", "share=shared", "options=ro"])
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
    public void A_source_that_says_nothing_else_is_no_warning(string source)
    {
        Dictionary<string, string> asked = ExamplePod.Annotations("share=pod");
        asked.Add("dev.gvisor.spec.mount.data.source", source.Length == 0 ? "" : ExamplePod.DataPath);
        Rewriting rewriting = Rewriting.OfSandbox(asked, [], ExamplePod.With(ExamplePod.EmptyDir()));
        Assert.Empty(rewriting.Warnings);
        Assert.Equal(ExamplePod.DataPath, rewriting.Annotations["dev.gvisor.spec.mount.data.source"]);
    }

    [Fact]
    public void A_hint_keeps_what_only_runsc_knows()
    {
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations("share=pod directfs=true newer=x"), [], ExamplePod.With(ExamplePod.EmptyDir()));
        Assert.Equivalent(ExamplePod.Annotations("hint=pod directfs=true newer=x"), rewriting.Annotations, strict: true);
    }

    [Theory]
    [InlineData("", "disk", false, true)]
    [InlineData("gke-gcsfuse-tmp.share=pod", "disk used", false, true)]
    [InlineData("", "disk used", true, true)]
    [InlineData("gke-gcsfuse-tmp.force-shared=true", "memory", true, true)]
    [InlineData("gke-gcsfuse-tmp.share=pod", "disk", false, false)]
    [InlineData("gke-gcsfuse-tmp.medium=memory", "disk", false, false)]
    [InlineData("", "disk", true, false)]
    public void A_gcsfuse_sidecar_s_socket_can_be_reached_where_its_volume_is_the_node_s(
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

        // Whoever says something else has it.
        var said = new Dictionary<string, string>(asked) { [Name] = "none" };
        Assert.Equal("none", Rewriting.OfSandbox(said, [mount], pod, configured).Annotations[Name]);
        Assert.Empty(Rewriting.OfContainer(
            new Dictionary<string, string> { [Name] = "none" }, [mount], sandbox.Decisions).Edits.Annotations);
    }

    [Fact]
    public void Another_volume_s_sockets_stay_closed()
    {
        PodVolumes pod = ExamplePod.With(ExamplePod.EmptyDir(), ExamplePod.EmptyDir("gke-gcsfuse-tmp2"));
        Assert.True(Rewriting.OfSandbox(s_none, [ExamplePod.Mount($"bind {ExamplePod.DataPath} /gke-gcsfuse-tmp rbind")], pod)
            .Edits.IsEmpty);
    }

    private static string Refused(string annotations, params IReadOnlyList<PodVolume> volumes) =>
        Assert.Throws<VolumeException>(() =>
            Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With(volumes))).Message;
}
