using Shim.Volumes;

namespace Shim.Tests.Volumes;

public sealed class VolumeAnnotationsTests
{
    private static readonly string s_longest = new('v', 63);

    [Fact]
    public void What_is_said_about_a_volume()
    {
        VolumeRequest request = Assert.Single(Parse(
            "type=bind share=container options=ro,size=1g source=/x directfs=false medium=disk force-shared=true").Requests);
        Assert.Equal(("data", "bind", "container", "ro,size=1g", "/x", VolumeMedium.Disk, true),
            (request.Name, request.Type, request.Share, request.Options, request.Source, request.Medium, request.ForceShared));
        Assert.Equal(["directfs", "options", "share", "source", "type"],
            request.HintAnnotations.Select(static name => name.Split('.')[^1]).Order());
    }

    [Fact]
    public void Nothing_is_said_by_others()
    {
        VolumeAnnotations annotations = VolumeAnnotations.Parse(new Dictionary<string, string>
        {
            ["dev.gvisor.spec.mount"] = "x", ["dev.gvisor.flag.host-uds"] = "open", ["io.kubernetes.cri.sandbox-uid"] = "a/b",
            ["Dev.gvisor.spec.mount.data.type"] = "disk", ["x.dev.gvisor.spec.mount.data.type"] = "disk",
            ["dev.gvisor.internal.x"] = "", ["dev.gvisor.spec.cgroup-parent"] = "..", [""] = "",
            // The shim's own hint, which it writes itself.
            ["dev.gvisor.spec.mount.gvisorinternaldevshm.type"] = "nonsense",
        });
        Assert.Empty(annotations.Requests);
        Assert.Empty(annotations.Warnings);
        Assert.Null(annotations.Find("data"));
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("t", true)]
    [InlineData("T", true)]
    [InlineData("true", true)]
    [InlineData("TRUE", true)]
    [InlineData("True", true)]
    [InlineData("0", false)]
    [InlineData("f", false)]
    [InlineData("F", false)]
    [InlineData("false", false)]
    [InlineData("FALSE", false)]
    [InlineData("False", false)]
    public void Go_s_booleans(string value, bool forced)
    {
        VolumeAnnotations annotations = Parse($"force-shared={value}");
        Assert.Equal(forced, annotations.Find("data")!.ForceShared);
        Assert.Empty(annotations.Warnings);
    }

    [Theory]
    [InlineData("force-shared", "")]
    [InlineData("force-shared", "tRUE")]
    [InlineData("force-shared", "yes")]
    [InlineData("force-shared", "on")]
    [InlineData("force-shared", " true")]
    [InlineData("force-shared", "2")]
    [InlineData("medium", "")]
    [InlineData("medium", "Memory")]
    [InlineData("medium", "DISK")]
    [InlineData("medium", "HugePages")]
    [InlineData("medium", "disk ")]
    [InlineData("nonsense", "true")]
    public void What_the_shim_s_own_annotations_cannot_mean_is_ignored_aloud(string field, string value)
    {
        VolumeAnnotations annotations = VolumeAnnotations.Parse(new Dictionary<string, string>
        {
            [$"dev.gvisor.empty-dir.data.{field}"] = value,
        });
        Assert.Contains($"dev.gvisor.empty-dir.data.{field}", Assert.Single(annotations.Warnings), StringComparison.Ordinal);
        Assert.Empty(annotations.Requests);
    }

    [Theory]
    [InlineData("type=disk", "dev.gvisor.spec.mount.data.type=\"disk\" must be tmpfs or bind")]
    [InlineData("type=", "dev.gvisor.spec.mount.data.type=\"\" must be tmpfs or bind")]
    [InlineData("type=TMPFS", "dev.gvisor.spec.mount.data.type=\"TMPFS\"")]
    [InlineData("type=erofs share=pod", "dev.gvisor.spec.mount.data.type=\"erofs\"")]
    [InlineData("share=host", "dev.gvisor.spec.mount.data.share=\"host\" must be pod or container or shared")]
    [InlineData("share=", "dev.gvisor.spec.mount.data.share=\"\"")]
    [InlineData("share=Pod", "dev.gvisor.spec.mount.data.share=\"Pod\"")]
    [InlineData("share=pod force-shared=true logs.share=nobody", "dev.gvisor.spec.mount.logs.share=\"nobody\"")]
    [InlineData("source=/a logs.source=/a", "dev.gvisor.spec.mount.logs.source")]
    [InlineData("source=/a logs.source=/a", "dev.gvisor.spec.mount.data.source")]
    [InlineData("source=/a logs.source=/b tmp.source=/a", "dev.gvisor.spec.mount.tmp.source")]
    public void What_a_hint_cannot_mean_is_refused(string annotations, string words) =>
        Assert.Contains(words, Assert.Throws<VolumeException>(() => Parse(annotations)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("dev.gvisor.spec.mount.")]
    [InlineData("dev.gvisor.spec.mount.data")]
    [InlineData("dev.gvisor.spec.mount.data.")]
    [InlineData("dev.gvisor.spec.mount..type")]
    [InlineData("dev.gvisor.spec.mount.my.data.type")]
    [InlineData("dev.gvisor.spec.mount.gvisorinternaldevshm.x.type")]
    [InlineData("dev.gvisor.spec.mount.data.type.")]
    [InlineData("dev.gvisor.spec.mount...")]
    [InlineData("dev.gvisor.spec.mount./etc.type")]
    [InlineData("dev.gvisor.spec.mount.a/b.type")]
    [InlineData("dev.gvisor.spec.mount.-data.type")]
    [InlineData("dev.gvisor.spec.mount._data.type")]
    [InlineData("dev.gvisor.spec.mount.da ta.type")]
    [InlineData("dev.gvisor.spec.mount.da\0ta.type")]
    [InlineData("dev.gvisor.spec.mount.da\nta.type")]
    [InlineData("dev.gvisor.spec.mount.däta.type")]
    [InlineData("dev.gvisor.spec.mount.da*.type")]
    [InlineData("dev.gvisor.empty-dir.")]
    [InlineData("dev.gvisor.empty-dir.data")]
    [InlineData("dev.gvisor.empty-dir..medium")]
    [InlineData("dev.gvisor.empty-dir...medium")]
    [InlineData("dev.gvisor.empty-dir.a.b.medium")]
    [InlineData("dev.gvisor.empty-dir./.medium")]
    // The shim's own hint: nobody can ask for a volume of that name.
    [InlineData("dev.gvisor.empty-dir.gvisorinternaldevshm.medium")]
    public void Names_that_no_volume_has_are_refused(string annotation)
    {
        var e = Assert.Throws<VolumeException>(() =>
            VolumeAnnotations.Parse(new Dictionary<string, string> { [annotation] = "tmpfs" }));
        Assert.Contains($"annotation {annotation}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_have_a_longest()
    {
        Assert.NotNull(Parse($"{s_longest}.type=bind").Find(s_longest));
        Assert.Throws<VolumeException>(() => Parse($"{s_longest}v.type=bind"));
        Assert.Throws<VolumeException>(() => Parse($"{s_longest}v.medium=disk"));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("0")]
    [InlineData("my-data-2")]
    [InlineData("My_Data")]
    [InlineData("a-")]
    public void Names_that_a_volume_can_have(string name) => Assert.NotNull(Parse($"{name}.share=pod").Find(name));

    [Fact]
    public void An_empty_source_is_none()
    {
        // Both empty, but not the same.
        Assert.Equal(2, Parse("source= share=pod logs.source= logs.share=pod").Requests.Count);
    }

    private static VolumeAnnotations Parse(string text) => VolumeAnnotations.Parse(ExamplePod.Annotations(text));
}
