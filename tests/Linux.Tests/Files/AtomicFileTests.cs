namespace Linux.Tests;

public sealed class AtomicFileTests
{
    [Fact]
    public void Replace_swaps_the_content_and_does_not_follow_links()
    {
        using TempDirectory directory = new();
        AtomicFile.Replace(directory["state"], "one"u8);
        Assert.Equal("one", File.ReadAllText(directory["state"]));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory["state"]));
        using FileStream old = File.OpenRead(directory["state"]);
        AtomicFile.Replace(directory["state"], "two"u8);
        Assert.Equal('o', old.ReadByte()); // a reader keeps the old file
        Assert.Equal("two", File.ReadAllText(directory["state"]));

        File.WriteAllText(directory["other"], "untouched");
        File.CreateSymbolicLink(directory["link"], directory["other"]);
        AtomicFile.Replace(directory["link"], "three"u8);
        Assert.Equal("untouched", File.ReadAllText(directory["other"]));
        Assert.Equal("three", File.ReadAllText(directory["link"]));
        Assert.Equal(3, Directory.GetFileSystemEntries(directory.Path).Length); // no temporary file is left
    }

    [Fact]
    public void A_failed_replace_leaves_no_file()
    {
        using TempDirectory directory = new();
        Directory.CreateDirectory(directory["taken"]);
        LinuxException e = Assert.Throws<LinuxException>(() => AtomicFile.Replace(directory["taken"], "x"u8));
        Assert.Equal(Errno.EISDIR, e.Errno);
        Assert.Single(Directory.GetFileSystemEntries(directory.Path));
    }
}
