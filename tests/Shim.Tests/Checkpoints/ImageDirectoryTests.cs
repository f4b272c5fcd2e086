using Linux;
using Shim.Checkpoints;
using Shim.Tests.Support;

namespace Shim.Tests.Checkpoints;

/// <summary>Which directories a client, and which a pod's annotation, may name.</summary>
public sealed class ImageDirectoryTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_client_names_any_directory()
    {
        File.CreateSymbolicLink(_directory["link"], _directory.Path);
        using OpenDirectory opened = ImageDirectory.Open(_directory["link"]);
        Assert.Equal(_directory.Path, opened.ResolvedPath);
        foreach ((string path, string words) in ((string, string)[])
        [
            ("relative", "is not absolute"), (_directory["nowhere"], "there is no directory"),
            (_directory.Write("file", ""), "cannot be opened"),
        ])
            Assert.Contains(words, Assert.Throws<CheckpointException>(() => ImageDirectory.Open(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("root/a/b", null)]
    [InlineData("root//a/./b/", null)]
    [InlineData("root", "is not below restore_root")]
    [InlineData("root/", "is not below restore_root")]
    [InlineData("root2/a", "is not below restore_root")]
    [InlineData("outside", "is not below restore_root")]
    [InlineData("root/../outside", "without \"..\"")]
    [InlineData("root/a/../a/b", "without \"..\"")]
    [InlineData("root/link", "without links")]
    [InlineData("root/link/a", "without links")]
    [InlineData("root/a/up/outside", "without links")]
    [InlineData("root/a/missing", "there is no directory")]
    [InlineData("root/file", "a plain path of directories")]
    public void An_annotation_names_one_below_the_root(string name, string? refusal)
    {
        Directory.CreateDirectory(_directory["root/a/b"]);
        Directory.CreateDirectory(_directory["root2/a"]);
        Directory.CreateDirectory(_directory["outside/a"]);
        File.CreateSymbolicLink(_directory["root/link"], "../outside");
        File.CreateSymbolicLink(_directory["root/a/up"], _directory.Path);
        _directory.Write("root/file", "");
        string path = $"{_directory.Path}/{name}";
        if (refusal is null)
        {
            using OpenDirectory opened = OpenAllowed(path, _directory["root"]);
            Assert.Equal(_directory["root/a/b"], opened.ResolvedPath);
            using OpenDirectory again = OpenAllowed(path, _directory["root"] + "/");
            Assert.Equal(_directory["root/a/b"], again.ResolvedPath);
            return;
        }
        OpenDescriptors.AssertNoneLeftBy(
            () => Assert.Throws<CheckpointException>(() => OpenAllowed(path, _directory["root"])));
        CheckpointException e = Assert.Throws<CheckpointException>(() => OpenAllowed(path, _directory["root"]));
        Assert.Equal(CheckpointFault.Invalid, e.Fault);
        Assert.Contains(refusal, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_root_and_without_a_slash_nothing_may_be_named()
    {
        Assert.Contains("has no restore_root that allows it",
            Assert.Throws<CheckpointException>(() => OpenAllowed(_directory.Path, "")).Message, StringComparison.Ordinal);
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

    private static OpenDirectory OpenAllowed(string path, string root) =>
        ImageDirectory.OpenAllowed(RestoreAnnotations.ImagePath, path, root);
}
