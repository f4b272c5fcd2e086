namespace Linux.Tests;

public sealed class PrivateDirectoryTests
{
    [Fact]
    public void Private_directories_have_random_names_and_mode_0700()
    {
        using TempDirectory directory = new();
        string one = PrivateDirectory.Create(directory.Path, "x-");
        string other = PrivateDirectory.Create(directory.Path + "/", "x-");
        Assert.NotEqual(one, other);
        Assert.StartsWith(directory["x-"], other, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(one));
        Assert.Equal(Errno.ENOENT,
            Assert.Throws<LinuxException>(() => PrivateDirectory.Create("/no/such", "x")).Errno);
    }
}
