using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class FifoTests
{
    [Fact]
    public void A_reader_can_leave_and_return()
    {
        using TempDirectory directory = new();
        string path = directory["fifo"];
        Assert.False(Fifo.Is(path));
        NativeCalls.CreateFifo(path);
        Assert.True(Fifo.Is(path));
        Assert.False(Fifo.Is(directory.Path));
        Assert.False(Fifo.Is("/no/such/fifo"));
        Loops.Run(async loop =>
        {
            DescriptorStream writer = new(loop, Fifo.OpenWrite(path)); // there is no reader yet
            Descriptor kept = NativeCalls.OpenFifoToRead(path); // prevents EPIPE while there is no other reader
            byte[] buffer = new byte[16];
            using (DescriptorStream reader = new(loop, NativeCalls.OpenFifoToRead(path)))
            {
                await writer.WriteAsync("one"u8.ToArray());
                Assert.Equal(3, await reader.ReadAsync(buffer));
            }
            await writer.WriteAsync("two"u8.ToArray());
            using (DescriptorStream reader = new(loop, NativeCalls.OpenFifoToRead(path)))
            {
                Assert.Equal(3, await reader.ReadAsync(buffer));
                ValueTask<int> end = reader.ReadAsync(buffer);
                writer.Dispose();
                kept.Dispose();
                Assert.Equal(0, await end); // the last writer is gone: end of file
            }
            using DescriptorStream alone = new(loop, Fifo.OpenWrite(path));
            LinuxException e = await Assert.ThrowsAsync<LinuxException>(
                async () => await alone.WriteAsync("x"u8.ToArray()));
            Assert.Equal(Errno.EPIPE, e.Errno);
        });
    }

    [Fact]
    public void Writing_to_a_full_fifo_waits_for_its_reader()
    {
        using TempDirectory directory = new();
        NativeCalls.CreateFifo(directory["fifo"]);
        Loops.Run(async loop =>
        {
            using DescriptorStream both = new(loop, Fifo.OpenBoth(directory["fifo"]));
            byte[] data = new byte[200_000];
            Random.Shared.NextBytes(data);
            Task write = both.WriteAsync(data).AsTask();
            Assert.False(write.IsCompleted);
            byte[] back = new byte[data.Length];
            await both.ReadExactlyAsync(back);
            await write;
            Assert.Equal(data, back);
        });
    }

    [Fact]
    public void Other_files_are_rejected()
    {
        using TempDirectory directory = new();
        File.WriteAllText(directory["file"], "");
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => Fifo.OpenBoth(directory["file"])).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<LinuxException>(() => Fifo.OpenWrite(directory["none"])).Errno);
    }
}
