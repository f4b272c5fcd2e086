using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Writing images; an incomplete one never appears.</summary>
public sealed class NewImageTests : IDisposable
{
    private static readonly CheckpointRecord s_record = new() { RunscVersion = "1", Containers = ["", "a", "b"] };
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("image")]
    [InlineData("a/b/image")]
    public void An_image_appears_when_it_is_complete(string name)
    {
        string path = _directory[name];
        using (NewImage image = NewImage.Begin(path))
        {
            ExampleImage.Write(image.PartialPath);
            Assert.Equal(3, image.CountContainers());
            image.Add(s_record);
            Assert.Empty(Directory.GetFiles(path));
            image.Finish();
        }
        Assert.Equal(["checkpoint.img", "pages.img", "shim.json"], Names(path));
        foreach (string file in Directory.GetFiles(path))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(path));
        using CheckpointImage read = CheckpointImage.Open(ImageDirectory.Open(path));
        Assert.NotNull(read.Record);
    }

    [Fact]
    public void Other_files_in_the_directory_stay()
    {
        _directory.Write("notes", "mine");
        using (NewImage image = NewImage.Begin(_directory.Path))
        {
            ExampleImage.Write(image.PartialPath);
            image.Finish();
        }
        Assert.Equal(["checkpoint.img", "notes", "pages.img"], Names(_directory.Path));
    }

    [Fact]
    public void An_image_that_is_not_finished_leaves_another_one_beside_it_alone()
    {
        using NewImage one = NewImage.Begin(_directory["new/one"]);
        using (NewImage other = NewImage.Begin(_directory["new/other"]))
        {
            one.Dispose();
            ExampleImage.Write(other.PartialPath);
            other.Finish();
        }
        Assert.Equal(["other"], Names(_directory["new"]));
    }

    [Theory]
    [InlineData("image", "")]
    [InlineData("a/b/image", "")]
    [InlineData("old/image", "old")]
    public void An_image_that_is_not_finished_is_removed(string name, string left)
    {
        if (left.Length > 0)
            Directory.CreateDirectory(_directory[left]);
        using (NewImage image = NewImage.Begin(_directory[name]))
            ExampleImage.Write(image.PartialPath);
        Assert.Equal(left.Length > 0 ? [left] : [], Names(_directory.Path));
    }

    [Fact]
    public void A_created_directory_stays_if_somebody_else_put_a_file_there()
    {
        using (NewImage.Begin(_directory["a/image"]))
            _directory.Write("a/theirs", "");
        Assert.Equal(["theirs"], Names(_directory["a"]).Where(static name => name != "image"));
    }

    [Fact]
    public void An_existing_image_is_not_overwritten()
    {
        ExampleImage.Write(_directory["image"]);
        CheckpointException e = Assert.Throws<CheckpointException>(() => NewImage.Begin(_directory["image"]));
        Assert.Equal(CheckpointFault.Exists, e.Fault);
        Assert.Equal($"checkpoint path {_directory["image"]} already holds an image (checkpoint.img), which is not "
            + "overwritten; name another directory", e.Message);
        Assert.Equal(["checkpoint.img", "pages.img"], Names(_directory["image"]));

        // The same for the remains of an image, and for an image of file systems, which has pages of the same names.
        foreach (string file in (string[])["pages.img", "pages_meta.img", "multitar.img", "fscheckpoint.json"])
        {
            Directory.CreateDirectory(_directory[file + ".d"]);
            _directory.Write($"{file}.d/{file}", "");
            e = Assert.Throws<CheckpointException>(() => NewImage.Begin(_directory[file + ".d"]));
            Assert.Contains($"({file})", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Only_one_of_two_concurrent_images_is_finished()
    {
        using NewImage first = NewImage.Begin(_directory["image"]), second = NewImage.Begin(_directory["image"]);
        ExampleImage.Write(first.PartialPath);
        ExampleImage.Write(second.PartialPath, """{"container_count":"1"}""");
        second.Finish();
        Assert.Equal(CheckpointFault.Exists, Assert.Throws<CheckpointException>(() => first.Finish()).Fault);
        using CheckpointImage image = CheckpointImage.Open(ImageDirectory.Open(_directory["image"]));
        Assert.Equal(1, image.Header.ContainerCount);
    }

    [Fact]
    public void No_file_stays_in_the_directory_if_one_cannot_be_moved()
    {
        Directory.CreateDirectory(_directory["image/last"]); // a file cannot replace a directory
        using (NewImage image = NewImage.Begin(_directory["image"]))
        {
            ExampleImage.Write(image.PartialPath);
            File.WriteAllText(Path.Combine(image.PartialPath, "last"), "");
            Assert.Equal(Linux.Errno.EISDIR, Assert.Throws<Linux.LinuxException>(() => image.Finish("last")).Errno);
        }
        Assert.Equal(["last"], Names(_directory["image"]));
    }

    [Fact]
    public void An_image_that_is_disposed_while_it_is_being_finished_waits_for_that()
    {
        NewImage image = NewImage.Begin(_directory["image"]);
        ExampleImage.Write(image.PartialPath);
        Thread? disposing = null;
        image.Finish(progress: () =>
        {
            if (disposing is not null)
                return;
            disposing = new Thread(image.Dispose);
            disposing.Start();
            Assert.False(disposing.Join(TimeSpan.FromMilliseconds(50)));
        });
        disposing!.Join();
        Assert.Equal(["checkpoint.img", "pages.img"], Names(_directory["image"]));
        image.Remove();
        Assert.Empty(Names(_directory.Path));
    }

    [Theory]
    [InlineData("relative", CheckpointFault.Invalid, "is not absolute")]
    [InlineData("FILE", CheckpointFault.Invalid, "Not a directory")]
    [InlineData("/proc/none/image", CheckpointFault.DoesNotFit, "cannot be written")]
    internal void A_path_that_cannot_hold_an_image_is_rejected(string path, CheckpointFault fault, string words)
    {
        if (path == "FILE")
            path = _directory.Write("file", "");
        CheckpointException e = Assert.Throws<CheckpointException>(() => NewImage.Begin(path));
        Assert.Equal(fault, e.Fault);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_a_partial_image_of_a_killed_shim_is_removed()
    {
        NewImage image = NewImage.Begin(_directory["image"]);
        ExampleImage.Write(image.PartialPath);
        NewImage.RemovePartial(_directory["image"]);
        Assert.True(Directory.Exists(image.PartialPath));
        NewImage.RemovePartial(image.PartialPath);
        Assert.Empty(Names(_directory["image"]));
    }

    private static IEnumerable<string> Names(string directory) =>
        Directory.EnumerateFileSystemEntries(directory).Select(static path => Path.GetFileName(path)!)
            .Order(StringComparer.Ordinal);
}
