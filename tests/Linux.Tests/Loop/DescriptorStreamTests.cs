using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class DescriptorStreamTests
{
    private static (DescriptorStream, DescriptorStream) Pair(EventLoop loop)
    {
        (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
        return (new DescriptorStream(loop, one), new DescriptorStream(loop, other));
    }

    [Fact]
    public void Large_transfers_arrive_complete_in_both_directions_at_once()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            byte[] data = new byte[3 << 20];
            new Random(1).NextBytes(data);
            async Task<byte[]> Read(DescriptorStream from)
            {
                byte[] all = new byte[data.Length];
                await from.ReadExactlyAsync(all);
                return all;
            }
            Task<byte[]> one = Read(left);
            Task<byte[]> other = Read(right);
            await Task.WhenAll(left.WriteAsync(data).AsTask(), right.WriteAsync(data).AsTask(), one, other);
            Assert.Equal(data, await one);
            Assert.Equal(data, await other);
            left.Dispose();
            Assert.Equal(0, await right.ReadAsync(new byte[1]));
            LinuxException e = await Assert.ThrowsAsync<LinuxException>(
                async () => await right.WriteAsync(new byte[1]));
            Assert.Equal(Errno.EPIPE, e.Errno);
            right.Dispose();
        });
    }

    /// <summary>A peer that always has something never makes the loop wait for a descriptor.</summary>
    [Fact]
    public void Endless_input_gives_others_their_turn()
    {
        Loops.Run(async loop =>
        {
            using DescriptorStream zeros = new(loop, Descriptor.Open("/dev/zero", OpenFlags.O_RDONLY));
            byte[] buffer = new byte[64];
            int reads = 0;
            bool isTold = false;
            loop.Post(_ => isTold = true, null);
            async Task ReadAsync()
            {
                while (!isTold)
                {
                    Assert.Equal(64, await zeros.ReadAsync(buffer));
                    reads++;
                }
            }
            await ReadAsync();
            Assert.InRange(reads, 1, 64);
        });
    }

    [Fact]
    public void A_read_that_waits_for_its_turn_can_be_cancelled()
    {
        Loops.Run(async loop =>
        {
            using DescriptorStream zeros = new(loop, Descriptor.Open("/dev/zero", OpenFlags.O_RDONLY));
            using CancellationTokenSource source = new();
            ValueTask<int> read;
            do
                read = zeros.ReadAsync(new byte[1], source.Token);
            while (read.IsCompletedSuccessfully && await read > 0);
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);
            Assert.Equal(1, await zeros.ReadAsync(new byte[1]));
        });
    }

    [Fact]
    public void Cancelled_read_leaves_the_stream_usable()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            using (left)
            using (right)
            {
                using CancellationTokenSource source = new();
                Task<int> read = left.ReadAsync(new byte[4], source.Token).AsTask();
                Assert.False(read.IsCompleted);
                source.Cancel();
                Assert.True(read.IsCanceled);
                Assert.True(left.ReadAsync(new byte[4], source.Token).IsCanceled);
                ValueTask<int> next = left.ReadAsync(new byte[4]);
                await right.WriteAsync(new byte[3]);
                Assert.Equal(3, await next);
            }
        });
    }

    [Fact]
    public void Cancellation_from_another_thread_resumes_on_the_loop()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            using (left)
            using (right)
            {
                for (int i = 0; i < 200; i++)
                {
                    using CancellationTokenSource source = new();
                    ValueTask<int> read = left.ReadAsync(new byte[4], source.Token);
                    Task cancelling = loop.RunBlocking("cancel", source.Cancel);
                    // In every other round a byte races with the cancellation; either may win, and nothing is lost.
                    int sent = i % 2;
                    await right.WriteAsync(new byte[sent]);
                    int got = 0;
                    try
                    {
                        got = await read;
                    }
                    catch (OperationCanceledException e) when (e.CancellationToken == source.Token)
                    {
                    }
                    Assert.Same(loop, EventLoop.Current);
                    await cancelling;
                    int rest = got < sent ? await left.ReadAsync(new byte[4]) : 0;
                    Assert.Equal(sent, got + rest);
                }
            }
        });
    }

    [Fact]
    public void Closing_ends_the_wait_and_its_events_do_not_reach_the_next_descriptor()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            ValueTask<int> read = left.ReadAsync(new byte[4]);
            int number = left.Descriptor.Fd;
            // Ready, then closed before the loop polls: the event must not be delivered.
            await right.WriteAsync(new byte[1]);
            using Descriptor duplicate = left.Descriptor.Duplicate(); // keeps the old registration alive in epoll
            left.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await read);

            (DescriptorStream fresh, DescriptorStream peer) = Pair(loop);
            using (fresh)
            using (peer)
            {
                Task<int> wait = fresh.ReadAsync(new byte[4]).AsTask();
                Task<int> peerWait = peer.ReadAsync(new byte[4]).AsTask();
                await right.WriteAsync(new byte[1]);
                await Loops.DeliverReadyEvents(loop);
                Assert.False(wait.IsCompleted);
                Assert.False(peerWait.IsCompleted);
                await peer.WriteAsync(new byte[2]);
                Assert.Equal(2, await wait);
                await fresh.WriteAsync(new byte[2]);
                await peerWait;
            }
            right.Dispose();
            Assert.True(number > 0);
        });
    }

    [Fact]
    public void Only_one_read_at_a_time()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            using (left)
            {
                Task<int> first = left.ReadAsync(new byte[1]).AsTask();
                await Assert.ThrowsAsync<InvalidOperationException>(async () => await left.ReadAsync(new byte[1]));
                right.Dispose();
                Assert.Equal(0, await first);
            }
        });
    }

    [Fact]
    public void Other_threads_are_rejected()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            using (left)
            using (right)
            {
                Exception? e = null;
                await loop.RunBlocking("other", () => e = left.ReadAsync(new byte[1]).AsTask().Exception);
                Assert.IsType<InvalidOperationException>(e!.InnerException);
            }
        });
    }

    [Fact]
    public void Waiting_allocates_nothing()
    {
        Loops.Run(async loop =>
        {
            (DescriptorStream left, DescriptorStream right) = Pair(loop);
            using (left)
            using (right)
            {
                byte[] ping = new byte[8];
                byte[] pong = new byte[8];
                // A read that waits and a write that ends it, within one async method: only the stream could allocate.
                // The last await returns to the loop once in each round.
                async Task Rounds(int count)
                {
                    for (int i = 0; i < count; i++)
                    {
                        ValueTask<int> read = left.ReadAsync(pong);
                        await right.WriteAsync(ping);
                        await read;
                    }
                }
                await Rounds(100);
                long before = GC.GetAllocatedBytesForCurrentThread();
                await Rounds(1000);
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(allocated < 2000, $"{allocated} bytes for 1000 waits");
            }
        });
    }

    [Fact]
    public void No_descriptor_leaks() => PeerProcess.Run(LeakScenario);

    private static void LeakScenario()
    {
        static void Act()
        {
            Loops.Run(async loop =>
            {
                using TempDirectory directory = new();
                using (UnixListener listener = UnixListener.Bind(directory["socket"]))
                {
                    Task<UnixConnection> accept = listener.AcceptAsync().AsTask();
                    using UnixConnection client = await UnixSocket.ConnectAsync(directory["socket"]);
                    using UnixConnection server = await accept;
                    (Descriptor read, Descriptor write) = Descriptor.Pipe();
                    using (read)
                    using (write)
                        NativeCalls.SendDescriptors(client.Stream.Descriptor, "x"u8, [read]);
                    using Descriptor received = await DescriptorMessage.ReceiveAsync(server);
                    Assert.True(UnixSocket.IsListening(directory["socket"]));
                    (await listener.AcceptAsync()).Dispose(); // the connection that IsListening made
                    Task<UnixConnection> pending = listener.AcceptAsync().AsTask();
                    Assert.False(pending.IsCompleted);
                }
                Assert.False(UnixSocket.IsListening(directory["socket"]));
                await Assert.ThrowsAsync<LinuxException>(() => UnixSocket.ConnectAsync(directory["socket"]));
                (Descriptor master, Descriptor slave) = NativeCalls.OpenTerminal();
                master.Dispose();
                slave.Dispose();
                await loop.RunBlocking("x", static () => { });
            });
            Children.Output(Children.Shell("echo x"));
            Assert.Throws<LinuxException>(() => Spawner.Spawn(new SpawnRequest { Path = "/x", Arguments = ["x"] }));
        }
        Act();
        int before = Count();
        for (int i = 0; i < 10; i++)
            Act();
        Assert.Equal(before, Count());

        static int Count() => Directory.GetFiles("/proc/self/fd").Length;
    }
}
