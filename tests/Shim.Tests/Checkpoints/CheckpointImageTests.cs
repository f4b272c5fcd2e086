using Shim.Checkpoints;
using Shim.Tests.Support;
using Shim.Tests.Volumes;
using Shim.Volumes;

namespace Shim.Tests.Checkpoints;

/// <summary>Images that are read, in real directories.</summary>
public sealed class CheckpointImageTests : IDisposable
{
    private static readonly CheckpointRecord s_record = new() { RunscVersion = "1", Containers = ["", "a", "b"] };
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_header_and_the_record_are_read()
    {
        using CheckpointImage image = Open(ExampleImage.Write(_directory["i"], record: s_record));
        Assert.Equal(new ImageHeader(3, null), image.Header);
        Assert.Equal(["", "a", "b"], image.Record!.Containers);
        Assert.Equal("the sandbox's own container, container a, container b", image.Plan().Missing);
        image.RequireRunsc("any");
        Assert.True(File.Exists(Path.Combine(image.PathForRunsc, "checkpoint.img")));
    }

    [Fact]
    public void It_stays_the_same_when_its_path_leads_elsewhere()
    {
        using CheckpointImage image = Open(ExampleImage.Write(_directory["i"]));
        Directory.Move(_directory["i"], _directory["moved"]);
        Directory.CreateDirectory(_directory["i"]);
        Assert.True(File.Exists(Path.Combine(image.PathForRunsc, "checkpoint.img")));
    }

    [Fact]
    public void Without_a_record_the_header_gives_the_number_of_containers()
    {
        using CheckpointImage image = Open(ExampleImage.Write(_directory["i"]));
        Assert.Null(image.Record);
        Assert.Equal("3 of 3 containers", image.Plan().Missing);
    }

    [Fact]
    public void An_image_with_a_version_is_rejected_for_another_runsc()
    {
        using CheckpointImage image = Open(ExampleImage.Write(_directory["i"],
            """{"container_count":"1","runsc_version":"release-20260803.0","container_specs":"{}"}"""));
        image.RequireRunsc("release-20260803.0");
        CheckpointException e = Assert.Throws<CheckpointException>(() => image.RequireRunsc("release-20260810.0"));
        Assert.Equal(CheckpointFault.DoesNotFit, e.Fault);
        Assert.Equal($"image {image.Path} cannot be restored by runsc release-20260810.0: it was written by runsc "
            + "release-20260803.0, and only that version can restore it", e.Message);
    }

    [Theory]
    [InlineData("empty", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("short", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("foreign", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("endless", "checkpoint.img is empty, truncated or not a checkpoint of runsc")]
    [InlineData("truncated", "the header of checkpoint.img is truncated or damaged")]
    [InlineData("missing", "holds no image (no file checkpoint.img: runsc checkpoint writes it)")]
    [InlineData("link", "checkpoint.img is not a regular file")]
    [InlineData("pages-link", "pages.img is not a regular file")]
    [InlineData("record-link", "shim.json is not a regular file")]
    [InlineData("directory", "checkpoint.img is not a regular file")]
    [InlineData("bad-record", "shim.json cannot be used")]
    [InlineData("other-record", "shim.json names 2 containers and checkpoint.img holds 3")]
    [InlineData("newer-record", "shim.json cannot be used: version 2 is not supported, only version 1")]
    public void An_invalid_image_is_rejected_with_the_reason(string kind, string words)
    {
        string path = ExampleImage.Write(_directory["i"], record: s_record);
        string state = Path.Combine(path, "checkpoint.img"), pages = Path.Combine(path, "pages.img");
        string record = Path.Combine(path, "shim.json");
        byte[] whole = File.ReadAllBytes(state);
        switch (kind)
        {
            case "empty": File.WriteAllBytes(state, []); break;
            case "short": File.WriteAllBytes(state, whole[..12]); break;
            case "foreign": File.WriteAllText(state, "#!/bin/sh\nexec sleep 1000\n"); break;
            case "endless": File.WriteAllBytes(state, [.. whole[..8], 0xff, .. whole[9..]]); break;
            case "truncated": File.WriteAllBytes(state, whole[..40]); break;
            case "missing": File.Delete(state); break;
            case "link": Replace(state, "/etc/passwd"); break;
            case "pages-link": Replace(pages, "/etc/shadow"); break;
            case "record-link": Replace(record, "/etc/passwd"); break;
            case "directory": File.Delete(state); Directory.CreateDirectory(state); break;
            case "bad-record": File.WriteAllText(record, "{\"version\":1"); break;
            case "other-record":
                File.WriteAllBytes(record, (s_record with { Containers = ["", "a"] }).ToJson().ToArray());
                break;
            case "newer-record": File.WriteAllText(record, """{"version":2}"""); break;
        }
        OpenDescriptors.AssertNoneLeftBy(() => Assert.Throws<CheckpointException>(() => Open(path)));
        CheckpointException e = Assert.Throws<CheckpointException>(() => Open(path));
        Assert.Equal(CheckpointFault.Invalid, e.Fault);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_written_record_is_parsed_unchanged()
    {
        var record = new CheckpointRecord
        {
            RunscVersion = "release-20260803.0",
            Containers = ["", "a \"quoted\" name", ""],
            Volumes = Decided("share=pod"),
            Namespace = "default",
            PodUid = "0000",
        };
        CheckpointRecord read = CheckpointRecord.Parse(record.ToJson());
        Assert.Equal((record.RunscVersion, 3), (read.RunscVersion, read.Containers.Count));
        Assert.Equal(record.Containers, read.Containers);
        Assert.Equal(("default", "0000"), (read.Namespace, read.PodUid));
        Assert.Equal(record.Volumes.Volumes, read.Volumes!.Volumes);
    }

    [Theory]
    [InlineData("", "default", null)]
    [InlineData("", null, null)]
    [InlineData("default", "default", null)]
    [InlineData("default", "other", "is of a pod in namespace default, and this pod is in namespace other;")]
    [InlineData("default", null, "is of a pod in namespace default, and this pod is in none;")]
    public void A_record_is_of_one_namespace(string saved, string? restored, string? refusal)
    {
        var record = new CheckpointRecord { RunscVersion = "1", Containers = [""], Namespace = saved };
        if (refusal is null)
            record.RequireNamespace("/image", restored);
        else
            Assert.Contains(refusal, Assert.Throws<CheckpointException>(
                () => record.RequireNamespace("/image", restored)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0x2, "everybody can change it")]
    [InlineData("", 0x10, "group 0 can change it")]
    [InlineData("pages.img", 0x2, "everybody can change it")]
    [InlineData("checkpoint.img", 0x10, "group 0 can change it")]
    [InlineData("shim.json", 0x2, "everybody can change it")]
    public void An_image_that_others_can_change_is_rejected(string file, int permission, string words)
    {
        string path = ExampleImage.Write(_directory["image"],
            record: new CheckpointRecord { RunscVersion = "1", Containers = ["", "a", "b"] });
        string changed = Path.Combine(path, file);
        Open(path).Dispose();
        File.SetUnixFileMode(changed, File.GetUnixFileMode(changed) | (UnixFileMode)permission);
        CheckpointException e = Assert.Throws<CheckpointException>(() => Open(path));
        Assert.StartsWith($"{changed.TrimEnd('/')} is not safe to use: {words}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("share=pod", "a b", true)]
    [InlineData("share=pod medium=memory", "a b", false)]
    [InlineData("force-shared=true", "a b", false)]
    [InlineData("force-shared=true", "a -", true)]
    public void A_volume_on_disk_or_a_container_without_a_name_requires_the_order(
        string annotations, string names, bool isOrdered)
    {
        var record = new CheckpointRecord
        {
            RunscVersion = "1",
            Containers = ["", .. names.Split(' ').Select(static name => name == "-" ? "" : name)],
            Volumes = Decided(annotations),
        };
        Assert.Equal(isOrdered, record.IsOrdered);
    }

    private static VolumeDecisions Decided(string annotations) => Rewriting.OfSandbox(
        ExamplePod.Annotations(annotations), [], ExamplePod.With(ExamplePod.EmptyDir())).Decisions;

    private static CheckpointImage Open(string path) => CheckpointImage.Open(ImageDirectory.Open(path));

    private static void Replace(string file, string target)
    {
        File.Delete(file);
        File.CreateSymbolicLink(file, target);
    }
}
