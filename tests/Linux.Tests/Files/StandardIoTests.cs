using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class StandardIoTests
{
    [Fact]
    public void Input_is_copied_to_output()
    {
        byte[] content = new byte[300_000];
        new Random(3).NextBytes(content);
        using Descriptor input = MemoryFile.Create("input");
        using Descriptor output = MemoryFile.Create("output");
        Assert.Equal(content.Length, input.TryWrite(content, out _));
        // A new open file, so that it is read from its beginning.
        using Descriptor fromStart = Descriptor.Open($"/proc/self/fd/{input.Fd}", OpenFlags.O_RDONLY);
        Assert.Equal(0, RunPeer(Copy, fromStart, output));
        Assert.Equal(content, MemoryFile.Read(output, 1 << 20));
    }

    private static void Copy() => StandardIo.Write(StandardIo.ReadInput(1 << 20, TimeSpan.FromSeconds(30)));

    [Fact]
    public void Reading_input_without_an_end_times_out()
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        using (read)
        using (write)
        using (Descriptor output = MemoryFile.Create("output"))
        {
            Assert.Equal(5, write.TryWrite("start"u8, out _));
            Assert.Equal(0, RunPeer(CopyBriefly, read, output));
            Assert.Equal("start"u8.ToArray(), MemoryFile.Read(output, 100));
        }
    }

    private static void CopyBriefly() => StandardIo.Write(StandardIo.ReadInput(100, TimeSpan.FromMilliseconds(5)));

    private static int RunPeer(Action scenario, Descriptor input, Descriptor output) =>
        Children.Wait(Spawner.Spawn(PeerProcess.Request(scenario) with { Descriptors = [input, output] }));
}
