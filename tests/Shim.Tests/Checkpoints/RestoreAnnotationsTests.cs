using Shim.Checkpoints;
using Shim.Oci;

namespace Shim.Tests.Checkpoints;

public sealed class RestoreAnnotationsTests
{
    [Fact]
    public void All_annotations_are_parsed()
    {
        RestoreAnnotations read = RestoreAnnotations.Parse(new Dictionary<string, string>
        {
            ["dev.gvisor.internal.restore.host-image-path"] = "/images/a",
            ["dev.gvisor.internal.restore.direct"] = "T",
            ["dev.gvisor.internal.restore.background"] = "false",
            ["dev.gvisor.internal.fsrestore.host-image-path"] = "/images/b",
            ["dev.gvisor.internal.fsrestore.direct"] = "1",
            ["dev.gvisor.internal.checkpoint.path"] = "/runsc's",
            ["other"] = "x",
        });
        Assert.Equal(("/images/a", true, false, "/images/b", true),
            (read.Image, read.Direct, read.Background, read.FileSystemsImage, read.FileSystemsDirect));
    }

    [Fact]
    public void Without_annotations_nothing_is_set()
    {
        RestoreAnnotations read = RestoreAnnotations.Parse(new Dictionary<string, string>());
        Assert.Equal((null, null, null, null, false),
            (read.Image, read.Direct, read.Background, read.FileSystemsImage, read.FileSystemsDirect));
    }

    [Theory]
    [InlineData("dev.gvisor.internal.restore.direct", "yes", "must be true or false")]
    [InlineData("dev.gvisor.internal.fsrestore.direct", "", "must be true or false")]
    [InlineData("dev.gvisor.internal.restore.image", "/i", "is unknown")]
    public void An_invalid_annotation_is_rejected_by_name(string annotation, string value, string words)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(
            () => RestoreAnnotations.Parse(new Dictionary<string, string> { [annotation] = value }));
        Assert.Equal(CheckpointFault.Invalid, e.Fault);
        Assert.Contains(annotation, e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dev.gvisor.internal.restore.direct", true)]
    [InlineData("dev.gvisor.internal.restore.whatever", true)]
    [InlineData("dev.gvisor.internal.fsrestore.direct", true)]
    [InlineData("dev.gvisor.internal.checkpoint.path", false)]
    [InlineData("dev.gvisor.internal.fscheckpoint.path", false)]
    [InlineData("dev.gvisor.flag.debug", false)]
    public void Annotations_for_the_shim_are_removed(string annotation, bool removed)
    {
        var annotations = new Dictionary<string, string> { [annotation] = "true" };
        var edits = new SpecEdits(annotations, []);
        RestoreAnnotations.Remove(annotations, edits);
        Assert.Equal(removed, edits.Annotations.ContainsKey(annotation));
    }
}
