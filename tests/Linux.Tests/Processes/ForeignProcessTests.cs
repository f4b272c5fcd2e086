using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class ForeignProcessTests
{
    [Fact]
    public void The_end_of_a_process_is_seen() => Loops.Run(async loop =>
    {
        int pid = Spawner.Spawn(new SpawnRequest { Path = "sleep", Arguments = ["sleep", "60"] });
        Task ended = ForeignProcess.WatchEndAsync(loop, pid);
        await Task.Yield();
        Assert.False(ended.IsCompleted);
        Signals.Send(pid, Signals.SIGKILL);
        await ended.WaitAsync(TimeSpan.FromSeconds(20), loop.Time);

        // The zombie remains until its parent reaps it.
        await ForeignProcess.WatchEndAsync(loop, pid).WaitAsync(TimeSpan.FromSeconds(20), loop.Time);
        Assert.Equal(128 + Signals.SIGKILL, Children.Wait(pid));
        Assert.True(ForeignProcess.WatchEndAsync(loop, pid).IsCompletedSuccessfully);
    });

    [Fact]
    public void A_watch_holds_one_descriptor_and_closes_it() => PeerProcess.Run(Descriptors);

    private static void Descriptors() => Loops.Run(async loop =>
    {
        int pid = Spawner.Spawn(new SpawnRequest { Path = "sleep", Arguments = ["sleep", "60"] });
        Task[] watches = [ForeignProcess.WatchEndAsync(loop, pid), ForeignProcess.WatchEndAsync(loop, pid)];
        Assert.Equal(2, Count());
        Signals.Send(pid, Signals.SIGKILL);
        await Task.WhenAll(watches).WaitAsync(TimeSpan.FromSeconds(20), loop.Time);
        Assert.Equal(0, Count());
        Children.Wait(pid);

        // "anon_inode:[pidfd]", since Linux 6.9 "pidfd:[NUMBER]"
        static int Count() => Directory.GetFileSystemEntries("/proc/self/fd")
            .Count(static fd => new FileInfo(fd).LinkTarget?.Contains("pidfd", StringComparison.Ordinal) ?? false);
    });
}
