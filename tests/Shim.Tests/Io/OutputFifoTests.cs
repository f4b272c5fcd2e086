using Linux;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Io;

public sealed class OutputFifoTests
{
    [Fact]
    public void It_checks_at_growing_intervals_whether_the_last_output_was_read()
    {
        Loops.Run(async loop =>
        {
            using TempDirectory directory = new();
            string path = directory["fifo"];
            NativeCalls.CreateFifo(path);
            FakeTime time = new();
            (OutputFifo kept, Descriptor container) = OutputFifo.Open(path, time);
            using (container)
                container.TryWrite("x"u8, out _);
            kept.CloseWhenRead();
            foreach (int milliseconds in (int[])[5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000])
            {
                TimeSpan pause = TimeSpan.FromMilliseconds(milliseconds);
                await time.UntilAwaitedAsync(pause);
                time.Advance(pause);
                Assert.Contains(path, OpenDescriptors.Targets());
            }
            using DescriptorStream reader = Streams.Read(loop, path);
            await reader.ExpectAsync("x");
            Task<string> end = reader.ReadTextAsync();
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal("", await end);
            kept.CloseWhenRead();
            kept.Dispose();
        });
    }

    [Fact]
    public void An_empty_FIFO_is_closed_at_once()
    {
        using TempDirectory directory = new();
        string path = directory["fifo"];
        NativeCalls.CreateFifo(path);
        (OutputFifo kept, Descriptor container) = OutputFifo.Open(path, new FakeTime());
        container.Dispose();
        Assert.Contains(path, OpenDescriptors.Targets());
        kept.CloseWhenRead();
        Assert.DoesNotContain(path, OpenDescriptors.Targets());
    }

    [Fact]
    public void The_containers_end_blocks_as_programs_expect()
    {
        using TempDirectory directory = new();
        string path = directory["fifo"];
        NativeCalls.CreateFifo(path);
        (OutputFifo kept, Descriptor container) = OutputFifo.Open(path, new FakeTime());
        using (kept)
        using (container)
        {
            string flags = File.ReadAllLines($"/proc/self/fdinfo/{container.Fd}")
                .Single(line => line.StartsWith("flags:", StringComparison.Ordinal));
            Assert.Equal(0, Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & (int)OpenFlags.O_NONBLOCK);
        }
    }

    [Fact]
    public void Open_fails_if_the_file_is_not_a_FIFO()
    {
        using TempDirectory directory = new();
        string path = directory.Write("file", "");
        Assert.Equal(Errno.EINVAL, Assert.Throws<LinuxException>(() => OutputFifo.Open(path, new FakeTime())).Errno);
        Assert.DoesNotContain(path, OpenDescriptors.Targets());
    }
}
