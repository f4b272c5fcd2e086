using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class DescriptorMessageTests
{
    [Fact]
    public void Additional_descriptors_are_closed() => PeerProcess.Run(ManyDescriptors);

    private static void ManyDescriptors() => Loops.Run(async loop =>
    {
        (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
        using UnixConnection receiver = new(loop, one);
        using (other)
        {
            (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
            using (master)
            using (slave)
            {
                async Task<int> CountAfterOne()
                {
                    NativeCalls.SendDescriptors(other, "x"u8, [master, slave, slave], [slave]);
                    Descriptor received = await DescriptorMessage.ReceiveAsync(receiver);
                    Assert.True(Pty.IsMaster(received)); // the first
                    received.Dispose();
                    return Directory.GetFiles("/proc/self/fd").Length;
                }
                int before = await CountAfterOne(); // the first time the runtime opens files
                Assert.Equal(before, await CountAfterOne());
            }
        }
    });

    [Fact]
    public void All_control_messages_are_read()
    {
        // The kernel merges the rights of one message and puts credentials into a separate control message before them.
        Loops.Run(async loop =>
        {
            (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
            using UnixConnection receiver = new(loop, one);
            using (other)
            {
                TestLibc.PassCredentials(one.Fd);
                (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
                using (master)
                using (slave)
                {
                    NativeCalls.SendDescriptors(other, "x"u8, [master], [slave]);
                    using Descriptor received = await DescriptorMessage.ReceiveAsync(receiver);
                    Assert.True(Pty.IsMaster(received));
                }
            }
        });
    }

    [Fact]
    public void A_peer_that_sends_no_descriptor_is_an_error()
    {
        Loops.Run(async loop =>
        {
            (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
            using UnixConnection connection = new(loop, one);
            using (DescriptorStream peer = new(loop, other))
                await peer.WriteAsync("no descriptor"u8.ToArray());
            LinuxException e = await Assert.ThrowsAsync<LinuxException>(
                async () => await DescriptorMessage.ReceiveAsync(connection));
            Assert.Equal(Errno.EPROTO, e.Errno);
        });
    }
}
