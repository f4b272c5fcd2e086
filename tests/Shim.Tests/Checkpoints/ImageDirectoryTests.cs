using Linux;
using Shim.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Checkpoints;

/// <summary>The directories that a client, and a pod's annotation, may name.</summary>
public sealed class ImageDirectoryTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_client_may_name_any_directory()
    {
        File.CreateSymbolicLink(_directory["link"], _directory.Path);
        using OpenDirectory opened = ImageDirectory.Open(_directory["link"]);
        Assert.Equal(_directory.Path, opened.ResolvedPath);
        foreach ((string path, string words) in ((string, string)[])
        [
            ("relative", "is not absolute"), (_directory["nowhere"], "/nowhere does not exist"),
            (_directory.Write("file", ""), "cannot be opened"),
        ])
        {
            var e = Assert.Throws<CheckpointException>(() => ImageDirectory.Open(path));
            Assert.Contains(words, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("root/a/b")]
    [InlineData("root//a/./b/")]
    public void An_annotation_may_name_a_directory_below_the_root(string name)
    {
        MakeDirectories();
        string path = $"{_directory.Path}/{name}";
        using OpenDirectory opened = OpenAllowed(path, _directory["root"]);
        Assert.Equal(_directory["root/a/b"], opened.ResolvedPath);
        using OpenDirectory again = OpenAllowed(path, _directory["root"] + "/");
        Assert.Equal(_directory["root/a/b"], again.ResolvedPath);
    }

    [Theory]
    [InlineData("root", "is not below restore_root")]
    [InlineData("root/", "is not below restore_root")]
    [InlineData("root2/a", "is not below restore_root")]
    [InlineData("outside", "is not below restore_root")]
    [InlineData("root/../outside", "without \"..\"")]
    [InlineData("root/a/../a/b", "without \"..\"")]
    [InlineData("root/link", "without links")]
    [InlineData("root/link/a", "without links")]
    [InlineData("root/a/up/outside", "without links")]
    [InlineData("root/a/missing", "/root/a/missing does not exist")]
    [InlineData("root/file", "a plain path of directories")]
    public void An_annotation_may_not_name_another_directory(string name, string refusal)
    {
        MakeDirectories();
        string path = $"{_directory.Path}/{name}";
        OpenDescriptors.AssertNoneLeftBy(
            () => Assert.Throws<CheckpointException>(() => OpenAllowed(path, _directory["root"])));
        CheckpointException e = Assert.Throws<CheckpointException>(() => OpenAllowed(path, _directory["root"]));
        Assert.Equal(CheckpointFault.Invalid, e.Fault);
        Assert.Contains(refusal, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_annotation_may_not_name_a_relative_path_or_any_path_without_a_root()
    {
        Assert.Contains("has no restore_root that allows it",
            Assert.Throws<CheckpointException>(() => OpenAllowed(_directory.Path, "")).Message,
            StringComparison.Ordinal);
        Assert.Contains("is not below restore_root",
            Assert.Throws<CheckpointException>(() => OpenAllowed("a", "/")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_root_itself_may_be_a_link()
    {
        Directory.CreateDirectory(_directory["disk/a"]);
        File.CreateSymbolicLink(_directory["root"], _directory["disk"]);
        using OpenDirectory opened = OpenAllowed(_directory["root/a"], _directory["root"]);
        Assert.Equal(_directory["disk/a"], opened.ResolvedPath);
    }

    private void MakeDirectories()
    {
        Directory.CreateDirectory(_directory["root/a/b"]);
        Directory.CreateDirectory(_directory["root2/a"]);
        Directory.CreateDirectory(_directory["outside/a"]);
        File.CreateSymbolicLink(_directory["root/link"], "../outside");
        File.CreateSymbolicLink(_directory["root/a/up"], _directory.Path);
        _directory.Write("root/file", "");
    }

    private static OpenDirectory OpenAllowed(string path, string root) =>
        ImageDirectory.OpenAllowed(RestoreAnnotations.ImagePath, path, new AllowedRoot("restore_root", root, null));
}
