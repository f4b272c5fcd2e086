namespace Linux.Tests;

public sealed class RecentExitsTests
{
    [Fact]
    public void A_bounded_number_of_exits_is_kept()
    {
        RecentExits recent = new(3);
        ProcessExit Exit(int pid, int status) => new(pid, status, default);
        recent.Add(Exit(1, 1));
        recent.Add(Exit(2, 2));
        recent.Add(Exit(1, 11)); // the same pid: replaces the older exit and becomes the newest
        recent.Add(Exit(3, 3));
        recent.Add(Exit(4, 4));
        Assert.False(recent.TryGet(2, out _));
        Assert.True(recent.TryGet(1, out ProcessExit exit));
        Assert.Equal(11, exit.Status);
        recent.Forget(1);
        Assert.False(recent.TryGet(1, out _));
        recent.Add(Exit(5, 5));
        Assert.True(recent.TryGet(3, out _));
    }
}
