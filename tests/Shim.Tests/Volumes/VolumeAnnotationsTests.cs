using Shim.Volumes;

namespace Shim.Tests.Volumes;

public sealed class VolumeAnnotationsTests
{
    private static readonly string s_longest = new('v', 63);

    [Fact]
    public void All_annotations_about_a_volume_are_parsed()
    {
        VolumeAnnotations annotations = Parse(
            "type=bind share=container options=ro,size=1g source=/x directfs=false medium=disk force-shared=true");
        VolumeRequest request = Assert.Single(annotations.Requests);
        Assert.Equal(("data", "bind", "container", "ro,size=1g", "/x"),
            (request.Name, request.Type, request.Share, request.Options, request.Source));
        Assert.Equal((VolumeMedium.Disk, true), (request.Medium, request.ForceShared));
        Assert.Equal(["directfs", "options", "share", "source", "type"],
            request.HintAnnotations.Select(static name => name.Split('.')[^1]).Order());
    }

    [Fact]
    public void Other_annotations_are_skipped()
    {
        VolumeAnnotations annotations = VolumeAnnotations.Parse(new Dictionary<string, string>
        {
            ["dev.gvisor.spec.mount"] = "x",
            ["dev.gvisor.flag.host-uds"] = "open",
            ["io.kubernetes.cri.sandbox-uid"] = "a/b",
            ["Dev.gvisor.spec.mount.data.type"] = "disk",
            ["x.dev.gvisor.spec.mount.data.type"] = "disk",
            ["dev.gvisor.internal.x"] = "",
            ["dev.gvisor.spec.cgroup-parent"] = "..",
            [""] = "",
            // The shim's own hint.
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
    public void Booleans_are_parsed_as_in_Go(string value, bool forced)
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
    public void An_invalid_annotation_of_the_shim_s_own_is_ignored_with_a_warning(string field, string value)
    {
        VolumeAnnotations annotations = VolumeAnnotations.Parse(new Dictionary<string, string>
        {
            [$"dev.gvisor.empty-dir.data.{field}"] = value,
        });
        Assert.Contains($"dev.gvisor.empty-dir.data.{field}", Assert.Single(annotations.Warnings),
            StringComparison.Ordinal);
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
    public void An_invalid_hint_is_rejected(string annotations, string words) => Assert.Contains(
        words, Assert.Throws<VolumeException>(() => Parse(annotations)).Message, StringComparison.Ordinal);

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
    // The name of the shim's own hint is reserved.
    [InlineData("dev.gvisor.empty-dir.gvisorinternaldevshm.medium")]
    public void An_annotation_with_an_invalid_name_is_rejected(string annotation)
    {
        var e = Assert.Throws<VolumeException>(() =>
            VolumeAnnotations.Parse(new Dictionary<string, string> { [annotation] = "tmpfs" }));
        Assert.Contains($"annotation {annotation}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_volume_s_name_has_at_most_63_characters()
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
    public void A_volume_s_name_may_have_letters_digits_dashes_and_underscores(string name) =>
        Assert.NotNull(Parse($"{name}.share=pod").Find(name));

    [Fact]
    public void Two_empty_sources_are_not_the_same_source()
    {
        Assert.Equal(2, Parse("source= share=pod logs.source= logs.share=pod").Requests.Count);
    }

    private static VolumeAnnotations Parse(string text) => VolumeAnnotations.Parse(ExamplePod.Annotations(text));
}
