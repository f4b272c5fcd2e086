using Shim.Oci;
using Shim.Volumes;

namespace Shim.Tests.Volumes;

/// <summary>The decisions about an emptyDir, in the notation of <see cref="ExamplePod"/>.</summary>
public sealed class VolumeRulesTests
{
    [Theory]
    // 1. A request for the node's directory takes precedence.
    [InlineData("force-shared=true", "disk", "passthrough", "force-shared", "force-shared=true")]
    [InlineData("force-shared=true", "disk configured", "passthrough", "force-shared", "force-shared=true")]
    [InlineData("force-shared=true", "gone", "passthrough", "force-shared", "force-shared=true")]
    [InlineData("force-shared=1 type=tmpfs share=pod options=ro", "disk", "passthrough",
        "force-shared", "force-shared=1")]
    [InlineData("force-shared=t type=bind share=container", "memory", "passthrough", "force-shared", "force-shared=t")]
    [InlineData("force-shared=true medium=disk", "disk used", "passthrough",
        "force-shared", "force-shared=true medium=disk")]
    [InlineData("share=shared", "disk", "passthrough", "force-shared", "force-shared=true")]
    [InlineData("share=shared type=bind directfs=true", "disk configured", "passthrough",
        "force-shared", "force-shared=true")]
    [InlineData("share=shared force-shared=false", "memory", "passthrough", "force-shared", "force-shared=true")]
    [InlineData("share=shared medium=memory", "disk used", "passthrough",
        "force-shared", "force-shared=true medium=memory")]
    // 2. Something else uses the directory.
    [InlineData("share=pod", "disk used", "passthrough", "used-by-others", "")]
    [InlineData("type=tmpfs share=container options=rw", "memory used", "passthrough", "used-by-others", "")]
    [InlineData("type=bind", "disk used configured", "passthrough", "used-by-others", "")]
    [InlineData("", "disk used configured", "passthrough", "used-by-others", "")]
    [InlineData("share=pod", "gone", "passthrough", "used-by-others", "")]
    // 3. Shared by the pod; the type does not select the medium.
    [InlineData("share=pod", "disk", "pod-disk", "shared-by-pod", "hint=pod")]
    [InlineData("share=pod", "memory", "pod-memory", "shared-by-pod", "hint=pod")]
    [InlineData("share=pod type=tmpfs", "disk", "pod-disk", "shared-by-pod", "hint=pod")]
    [InlineData("share=pod type=bind", "memory", "pod-memory", "shared-by-pod", "hint=pod")]
    [InlineData("share=pod type=tmpfs medium=disk", "memory", "pod-disk", "shared-by-pod", "hint=pod medium=disk")]
    [InlineData("share=pod type=bind medium=memory", "disk", "pod-memory", "shared-by-pod", "hint=pod medium=memory")]
    [InlineData("share=pod force-shared=false", "disk", "pod-disk", "shared-by-pod", "hint=pod force-shared=false")]
    [InlineData("share=pod force-shared=yes", "disk", "pod-disk", "shared-by-pod", "hint=pod force-shared=yes")]
    [InlineData("share=pod medium=floppy", "memory", "pod-memory", "shared-by-pod", "hint=pod medium=floppy")]
    [InlineData("type=tmpfs", "disk", "pod-disk", "shared-by-pod", "hint=pod")]
    [InlineData("type=bind", "disk", "pod-disk", "shared-by-pod", "hint=pod")]
    [InlineData("type=bind", "memory", "pod-memory", "shared-by-pod", "hint=pod")]
    [InlineData("type=tmpfs medium=memory", "disk", "pod-memory", "shared-by-pod", "hint=pod medium=memory")]
    [InlineData("medium=disk", "disk", "pod-disk", "shared-by-pod", "hint=pod medium=disk")]
    [InlineData("medium=disk", "memory", "pod-disk", "shared-by-pod", "hint=pod medium=disk")]
    [InlineData("medium=memory", "disk", "pod-memory", "shared-by-pod", "hint=pod medium=memory")]
    [InlineData("medium=disk force-shared=F", "disk configured", "pod-disk",
        "shared-by-pod", "hint=pod medium=disk force-shared=F")]
    // 4. The type selects the medium; it is tmpfs after the rewrite, so a medium on disk is kept in an annotation.
    [InlineData("share=container type=tmpfs", "disk", "container-memory", "shared-by-container", "hint=container")]
    [InlineData("share=container type=tmpfs", "memory configured", "container-memory",
        "shared-by-container", "hint=container")]
    [InlineData("share=container type=bind", "disk", "container-disk",
        "shared-by-container", "hint=container medium=disk")]
    [InlineData("share=container type=bind", "memory", "container-disk",
        "shared-by-container", "hint=container medium=disk")]
    [InlineData("share=container", "disk", "container-disk", "shared-by-container", "hint=container medium=disk")]
    [InlineData("share=container", "memory", "container-memory", "shared-by-container", "hint=container")]
    [InlineData("share=container type=tmpfs medium=disk", "memory", "container-disk",
        "shared-by-container", "hint=container medium=disk")]
    [InlineData("share=container type=bind medium=memory", "disk", "container-memory",
        "shared-by-container", "hint=container medium=memory")]
    // 5. Nothing is requested, or the node's configuration decides.
    [InlineData("", "disk", "passthrough", "not-asked", "")]
    [InlineData("", "disk used", "passthrough", "not-asked", "")]
    [InlineData("force-shared=false", "disk", "passthrough", "not-asked", "force-shared=false")]
    [InlineData("medium=tape", "disk", "passthrough", "not-asked", "medium=tape")]
    [InlineData("options=ro", "disk", "passthrough", "not-asked", "")]
    [InlineData("", "disk configured", "pod-disk", "configured", "hint=pod")]
    [InlineData("", "memory configured", "pod-memory", "configured", "hint=pod")]
    [InlineData("force-shared=0", "memory configured", "pod-memory", "configured", "hint=pod force-shared=0")]
    [InlineData("medium=", "disk configured", "pod-disk", "configured", "hint=pod medium=")]
    public void The_first_matching_rule_applies(
        string annotations, string facts, string outcome, string rule, string after)
    {
        SpecMount mount = ExamplePod.Mount($"bind {ExamplePod.DataPath} /data rbind,rprivate,nosuid,rw");
        bool configured = facts.EndsWith(" configured", StringComparison.Ordinal);
        PodVolume volume = ExamplePod.EmptyDir(facts: facts.Replace(" configured", ""));
        Rewriting rewriting = Rewriting.OfSandbox(
            ExamplePod.Annotations(annotations), [mount], ExamplePod.With(volume), configured);

        Assert.Equal((outcome, rule), (rewriting.Data.Outcome, rewriting.Data.RuleName));
        Assert.Equivalent(ExamplePod.Annotations(after), rewriting.Annotations, strict: true);
        Assert.Equal([outcome.EndsWith("-memory", StringComparison.Ordinal)
            ? $"tmpfs {ExamplePod.DataPath} /data nosuid,rw" : ExamplePod.TextOf(mount)], rewriting.MountTexts);
        Assert.Equal(ExamplePod.DataPath, rewriting.Data.Path);
        Assert.NotEqual("", rewriting.Data.Why);

        // A container that joins gets the same mounts, without annotations of its own.
        Rewriting container = Rewriting.OfContainer(new Dictionary<string, string>(), [mount], rewriting.Decisions);
        Assert.Equal(rewriting.MountTexts, container.MountTexts);
        Assert.Empty(container.Edits.Annotations);
    }

    /// <summary>The rules in another form, for all requests that can be combined.</summary>
    [Fact]
    public void All_combinations_of_requests_have_the_documented_outcome()
    {
        int combinations = 0;
        foreach (string? type in (string?[])[null, "tmpfs", "bind"])
            foreach (string? share in (string?[])[null, "pod", "container", "shared"])
                foreach (bool? forced in (bool?[])[null, true, false])
                    foreach (string? medium in (string?[])[null, "disk", "memory"])
                        foreach (string node in (string[])["disk", "memory"])
                            foreach (bool used in (bool[])[false, true])
                                foreach (bool configured in (bool[])[false, true])
                                {
                                    Dictionary<string, string> annotations = ExamplePod.Annotations(
                                        (type is null ? "" : $"type={type} ") + (share is null ? "" : $"share={share} ")
                                        + (forced is null ? "" : $"force-shared={(forced.Value ? "TRUE" : "FALSE")} ")
                                        + (medium is null ? "" : $"medium={medium}"));
                                    string text = string.Join(' ', annotations);
                                    PodVolume volume = ExamplePod.EmptyDir(facts: used ? $"{node} used" : node);
                                    Assert.Equal(
                                        (Expected(), text), (OutcomeOf(annotations, volume, configured), text));
                                    combinations++;

                                    string Expected() => (forced, share, type, medium) switch
                                    {
                                        (true, _, _, _) or (_, "shared", _, _) => "passthrough",
                                        (_, null, null, null) when !configured => "passthrough",
                                        (_, _, _, not null) when used => "rejected",
                                        _ when used => "passthrough",
                                        (_, "container", "tmpfs", null) => "container-memory",
                                        (_, "container", "bind", null) => "container-disk",
                                        (_, "container", _, _) => $"container-{medium ?? node}",
                                        _ => $"pod-{medium ?? node}",
                                    };
                                }
        Assert.Equal(864, combinations);

        static string OutcomeOf(Dictionary<string, string> annotations, PodVolume volume, bool configured)
        {
            try
            {
                return Rewriting.OfSandbox(annotations, [], ExamplePod.With(volume), configured).Data.Outcome;
            }
            catch (VolumeException)
            {
                return "rejected";
            }
        }
    }

    [Theory]
    [InlineData("medium=disk", "disk used", "it holds \"socket\"")]
    [InlineData("medium=memory share=pod", "memory used", "it holds \"socket\"")]
    [InlineData("medium=memory share=container type=tmpfs", "memory used", "it holds \"socket\"")]
    [InlineData("medium=disk", "gone", "is gone")]
    public void A_medium_is_rejected_if_the_directory_is_used_or_gone(string annotations, string facts, string why)
    {
        string message = Rejection(annotations, ExamplePod.EmptyDir(facts: facts));
        Assert.StartsWith("annotation dev.gvisor.empty-dir.data.medium cannot be applied to volume data: ", message,
            StringComparison.Ordinal);
        Assert.Contains(why, message, StringComparison.Ordinal);
        Assert.Contains("dev.gvisor.empty-dir.data.force-shared=true", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "disk", "rw,mode=777,uid=0,gid=0")]
    [InlineData("", "disk", "rw,mode=777,uid=0,gid=0")]
    [InlineData("rw", "disk", "rw,mode=777,uid=0,gid=0")]
    [InlineData("ro", "disk", "ro,mode=777,uid=0,gid=0")]
    [InlineData("size=1g", "disk", "size=1g,rw,mode=777,uid=0,gid=0")]
    [InlineData("rw,mode=0700,uid=5,gid=6,size=10m", "disk", "rw,mode=0700,uid=5,gid=6,size=10m")]
    [InlineData("gid=7,ro", "disk mode=2777 gid=2000", "gid=7,ro,mode=2777,uid=0")]
    [InlineData(null, "disk mode=2777 gid=2000", "rw,mode=2777,uid=0,gid=2000")]
    [InlineData(null, "memory mode=1777 uid=4294967294 gid=1", "rw,mode=1777,uid=4294967294,gid=1")]
    [InlineData(null, "disk mode=0", "rw,mode=0,uid=0,gid=0")]
    // Kubelet mounts the tmpfs with the volume's limit.
    [InlineData(null, "memory size=1048576", "rw,mode=777,uid=0,gid=0,size=1048576")]
    [InlineData("size=1g", "memory size=1048576", "size=1g,rw,mode=777,uid=0,gid=0")]
    [InlineData("rows,modern,uidgid", "disk", "rows,modern,uidgid,rw,mode=777,uid=0,gid=0")]
    [InlineData(",,noexec,,", "disk", "noexec,rw,mode=777,uid=0,gid=0")]
    public void Options_default_to_the_directory_s_mode_owner_and_limit(string? options, string facts, string expected)
    {
        Dictionary<string, string> annotations = ExamplePod.Annotations("share=pod");
        if (options is not null)
            annotations.Add("dev.gvisor.spec.mount.data.options", options);
        Rewriting rewriting = Rewriting.OfSandbox(annotations, [], ExamplePod.With(ExamplePod.EmptyDir(facts: facts)));
        Assert.Equal(expected, rewriting.Data.Options);
        Assert.Equal(expected, rewriting.Annotations["dev.gvisor.spec.mount.data.options"]);
    }

    [Fact]
    public void The_options_of_a_hint_apply_to_a_configured_volume()
    {
        Rewriting rewriting = Rewriting.OfSandbox(ExamplePod.Annotations("options=size=1g"), [],
            ExamplePod.With(ExamplePod.EmptyDir()), configured: true);
        Assert.Equal("configured", rewriting.Data.RuleName);
        Assert.Equal("size=1g,rw,mode=777,uid=0,gid=0", rewriting.Data.Options);
    }

    /// <summary>A hint's name has no dot, and the name of the hint for shared memory is reserved.</summary>
    [Theory]
    [InlineData("odd.name")]
    [InlineData("-odd")]
    [InlineData("odd\nname")]
    [InlineData("\ufffd")]
    [InlineData("gvisorinternaldevshm")]
    public void The_configuration_does_not_apply_to_a_name_that_no_hint_can_have(string name)
    {
        SpecMount mount = ExamplePod.Mount("bind x /data rbind") with { Source = ExamplePod.PathOf(name) };
        Rewriting rewriting = Rewriting.OfSandbox(
            new Dictionary<string, string>(), [mount], ExamplePod.With(ExamplePod.EmptyDir(name)), configured: true);
        VolumeDecision decision = Assert.Single(rewriting.Decisions.Volumes);
        Assert.Equal("passthrough", decision.Outcome);
        Assert.Contains("name", decision.Why, StringComparison.Ordinal);
        Assert.True(rewriting.Edits.IsEmpty);
    }

    private static string Rejection(string annotations, params IReadOnlyList<PodVolume> volumes) =>
        Assert.Throws<VolumeException>(() =>
            Rewriting.OfSandbox(ExamplePod.Annotations(annotations), [], ExamplePod.With(volumes))).Message;
}
