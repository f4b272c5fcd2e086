using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class FileLockTests
{
    [Fact]
    public void Lock_is_exclusive_until_it_is_released()
    {
        using TempDirectory directory = new();
        using (FileLock.Acquire(directory.Path, TimeSpan.Zero))
        {
            LinuxException e = Assert.Throws<LinuxException>(
                () => FileLock.Acquire(directory.Path, TimeSpan.FromMilliseconds(3)));
            Assert.Equal(Errno.ETIMEDOUT, e.Errno);
            // Another process sees it too.
            Assert.Equal("held\n", Children.Output(Children.Shell($"flock -n '{directory.Path}' true || echo held")));
        }
        FileLock.Acquire(directory.Path, TimeSpan.Zero).Dispose();
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(
            () => FileLock.Acquire(directory["none"], TimeSpan.Zero)).Errno);
    }
}
