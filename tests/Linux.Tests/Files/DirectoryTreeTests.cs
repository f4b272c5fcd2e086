using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class DirectoryTreeTests
{
    [Fact]
    public void Delete_removes_the_tree_and_nothing_else()
    {
        using TempDirectory directory = new();
        string tree = directory["tree"];
        for (int i = 0; i < 300; i++) // more than one getdents buffer
        {
            Directory.CreateDirectory($"{tree}/d{i % 7}/{new string('n', 100)}");
            File.WriteAllText($"{tree}/d{i % 7}/file-{i:d100}", "x");
        }
        Directory.CreateDirectory(directory["outside"]);
        File.WriteAllText(directory["outside/kept"], "kept");
        File.CreateSymbolicLink($"{tree}/link", directory["outside"]);
        File.CreateSymbolicLink($"{tree}/dangling", "/nowhere");
        NativeCalls.CreateFifo($"{tree}/fifo");

        // A name that is not UTF-8, as in some images.
        Children.Output(Children.Shell($"mkdir '{tree}/sub' && touch \"{tree}/sub/$(printf 'a\\377b')\""));
        DirectoryTree.Delete($"{tree}/");
        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists(directory["outside/kept"]));

        File.CreateSymbolicLink(tree, directory["outside"]);
        DirectoryTree.Delete(tree); // the link itself
        Assert.True(File.Exists(directory["outside/kept"]));
        DirectoryTree.Delete(tree); // nothing there
        DirectoryTree.Delete("/no/such/tree");
        Assert.Throws<ArgumentException>(() => DirectoryTree.Delete("/"));
        Assert.Throws<ArgumentException>(() => DirectoryTree.Delete("a/.."));
    }

    [Fact]
    public void Delete_is_bounded_in_depth()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory[string.Join('/', Enumerable.Repeat("d", 80))]);
        LinuxException e = Assert.Throws<LinuxException>(() => DirectoryTree.Delete(directory["d"]));
        Assert.Equal(Errno.ELOOP, e.Errno);
    }
}
