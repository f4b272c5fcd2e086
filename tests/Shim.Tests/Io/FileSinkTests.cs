using Linux;
using Shim.Io;
using Shim.Tests.Support;

namespace Shim.Tests.Io;

/// <summary>Pipes stand in for a file on a file server that is gone: a write into a full one waits.</summary>
public sealed class FileSinkTests
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(30);

    [Fact]
    public void A_file_that_cannot_be_written_now_does_not_stop_the_loop() => Loops.Run(async loop =>
    {
        byte[] output = new byte[300_000]; // more than both pipes hold
        (Descriptor read, Descriptor file) = Descriptor.Pipe();
        FileSink sink = FileSink.Open(loop, file);
        using DescriptorStream reader = new(loop, read);
        DescriptorStream writer = new(loop, sink.Pipe);
        Task writing = writer.WriteAsync(output).AsTask();
        await Task.Delay(TimeSpan.FromMilliseconds(50), loop.Time);
        Assert.False(writing.IsCompleted);
        byte[] received = new byte[output.Length];
        await reader.ReadExactlyAsync(received);
        await writing;
        writer.Dispose();
        await sink.Written.WaitAsync(s_bound, loop.Time);
    });

    [Fact]
    public void A_file_that_cannot_be_written_at_all_is_an_error() => Loops.Run(async loop =>
    {
        (Descriptor read, Descriptor file) = Descriptor.Pipe();
        read.Dispose();
        FileSink sink = FileSink.Open(loop, file);
        DescriptorStream writer = new(loop, sink.Pipe);
        await writer.WriteAsync(new byte[1]);
        LinuxException e = await Assert.ThrowsAsync<LinuxException>(() => sink.Written.WaitAsync(s_bound, loop.Time));
        Assert.Equal(Errno.EPIPE, e.Errno);
        writer.Dispose();
    });
}
