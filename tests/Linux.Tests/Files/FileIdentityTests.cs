namespace Linux.Tests;

public sealed class FileIdentityTests
{
    [Fact]
    public void A_file_has_the_same_identity_under_any_path()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory["a/b"]);
        Directory.CreateSymbolicLink(directory["link"], directory["a"]);
        FileIdentity? identity = FileIdentity.TryOf(directory["a"]);
        Assert.NotNull(identity);
        foreach (string path in (string[])["link", "link/", "a/.", "a/b/..", "link/b/..", "./a"])
            Assert.Equal(identity, FileIdentity.TryOf(directory[path]));
        foreach (string path in (string[])["", "a/b", "link/b"])
            Assert.NotEqual(identity, FileIdentity.TryOf(directory[path]));
    }

    [Fact]
    public void A_moved_file_keeps_its_identity()
    {
        using TempDirectory directory = new();
        File.WriteAllText(directory["a"], "");
        FileIdentity? identity = FileIdentity.TryOf(directory["a"]);
        File.Move(directory["a"], directory["b"]);
        File.WriteAllText(directory["a"], "");
        Assert.Equal(identity, FileIdentity.TryOf(directory["b"]));
        Assert.NotEqual(identity, FileIdentity.TryOf(directory["a"]));
    }

    [Fact]
    public void Files_with_the_same_inode_on_two_file_systems_differ()
    {
        Requires.Root("mounting");
        using TempDirectory directory = new();
        string[] roots = [directory["a"], directory["b"]];
        try
        {
            foreach (string root in roots)
            {
                Directory.CreateDirectory(root);
                Mounts.Mount([new MountSpec { Type = "tmpfs", Source = "tmpfs" }], root);
            }
            FileIdentity one = FileIdentity.TryOf(roots[0])!.Value;
            FileIdentity other = FileIdentity.TryOf(roots[1])!.Value;
            Assert.Equal(one.Inode, other.Inode);
            Assert.NotEqual(one, other);
        }
        finally
        {
            foreach (string root in roots)
                Mounts.UnmountAll(root);
        }
    }

    [Fact]
    public void A_path_without_a_file_has_none()
    {
        using TempDirectory directory = new();
        File.CreateSymbolicLink(directory["dangling"], "/nowhere");
        File.CreateSymbolicLink(directory["round"], directory["round"]);
        File.WriteAllText(directory["file"], "");
        foreach (string path in (string[])["dangling", "round", "nothing", "file/x", new string('n', 256)])
            Assert.Null(FileIdentity.TryOf(directory[path]));
        Assert.Null(FileIdentity.TryOf(""));
    }
}
