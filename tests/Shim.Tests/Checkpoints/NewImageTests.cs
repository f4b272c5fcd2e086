using Shim.Checkpoints;

namespace Shim.Tests.Checkpoints;

/// <summary>Images that are written: nobody ever finds half of one.</summary>
public sealed class NewImageTests : IDisposable
{
    private static readonly CheckpointRecord s_record = new() { RunscVersion = "1", Containers = ["", "a", "b"] };
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("image")]
    [InlineData("a/b/image")]
    public void It_appears_whole(string name)
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
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
        using CheckpointImage read = CheckpointImage.Open(ImageDirectory.Open(path));
        Assert.NotNull(read.Record);
    }

    [Fact]
    public void What_is_in_the_directory_stays()
    {
        _directory.Write("notes", "mine");
        using (NewImage image = NewImage.Begin(_directory.Path))
        {
            ExampleImage.Write(image.PartialPath);
            image.Finish();
        }
        Assert.Equal(["checkpoint.img", "notes", "pages.img"], Names(_directory.Path));
    }

    [Theory]
    [InlineData("image", "")]
    [InlineData("a/b/image", "")]
    [InlineData("old/image", "old")]
    public void One_that_is_given_up_leaves_nothing(string name, string left)
    {
        if (left.Length > 0)
            Directory.CreateDirectory(_directory[left]);
        using (NewImage image = NewImage.Begin(_directory[name]))
            ExampleImage.Write(image.PartialPath);
        Assert.Equal(left.Length > 0 ? [left] : [], Names(_directory.Path));
    }

    [Fact]
    public void Given_up_it_leaves_what_another_put_there()
    {
        using (NewImage.Begin(_directory["a/image"]))
            _directory.Write("a/theirs", "");
        Assert.Equal(["theirs"], Names(_directory["a"]).Where(static name => name != "image"));
    }

    [Fact]
    public void An_image_that_is_there_stays_as_it_is()
    {
        ExampleImage.Write(_directory["image"]);
        CheckpointException e = Assert.Throws<CheckpointException>(() => NewImage.Begin(_directory["image"]));
        Assert.Equal(CheckpointFault.Exists, e.Fault);
        Assert.Equal($"checkpoint path {_directory["image"]} holds an image already (checkpoint.img); it stays as it is. "
            + "Name another directory", e.Message);
        Assert.Equal(["checkpoint.img", "pages.img"], Names(_directory["image"]));

        // Also what is left of one, or one of file systems alone, which has pages of the same names.
        foreach (string file in (string[])["pages.img", "pages_meta.img", "multitar.img", "fscheckpoint.json"])
        {
            Directory.CreateDirectory(_directory[file + ".d"]);
            _directory.Write($"{file}.d/{file}", "");
            Assert.Contains($"({file})", Assert.Throws<CheckpointException>(() => NewImage.Begin(_directory[file + ".d"])).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Of_two_that_are_written_at_once_one_is_finished()
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
    public void A_file_that_cannot_be_moved_takes_back_those_before_it()
    {
        Directory.CreateDirectory(_directory["image/last"]); // which no file replaces
        using (NewImage image = NewImage.Begin(_directory["image"]))
        {
            ExampleImage.Write(image.PartialPath);
            File.WriteAllText(Path.Combine(image.PartialPath, "last"), "");
            Assert.Equal(Linux.Errno.EISDIR, Assert.Throws<Linux.LinuxException>(() => image.Finish("last")).Errno);
        }
        Assert.Equal(["last"], Names(_directory["image"]));
    }

    [Theory]
    [InlineData("relative", CheckpointFault.Invalid, "is not absolute")]
    [InlineData("FILE", CheckpointFault.Invalid, "Not a directory")]
    [InlineData("/proc/none/image", CheckpointFault.DoesNotFit, "cannot be written")]
    internal void Where_none_can_be(string path, CheckpointFault fault, string words)
    {
        if (path == "FILE")
            path = _directory.Write("file", "");
        CheckpointException e = Assert.Throws<CheckpointException>(() => NewImage.Begin(path));
        Assert.Equal(fault, e.Fault);
        Assert.Contains(path, e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_killed_shim_left_is_removed_and_nothing_else()
    {
        NewImage image = NewImage.Begin(_directory["image"]);
        ExampleImage.Write(image.PartialPath);
        NewImage.RemovePartial(_directory["image"]);
        Assert.True(Directory.Exists(image.PartialPath));
        NewImage.RemovePartial(image.PartialPath);
        Assert.Empty(Names(_directory["image"]));
    }

    private static IEnumerable<string> Names(string directory) =>
        Directory.EnumerateFileSystemEntries(directory).Select(static path => Path.GetFileName(path)!).Order(StringComparer.Ordinal);
}
