using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class LoopTaskTests
{
    [Fact]
    public void AnyWithin_is_true_when_a_task_ends_in_time_even_if_it_fails() => Loops.Run(async _ =>
    {
        FakeTime time = new();
        TaskCompletionSource first = LoopTask.NewSource(), second = LoopTask.NewSource();
        Task<bool> any = LoopTask.AnyWithinAsync(TimeSpan.FromSeconds(5), time, first.Task, second.Task);
        Assert.False(any.IsCompleted);
        second.SetException(new IOException("it failed"));
        Assert.True(await any);
        Assert.Equal(0, time.Armed);
        await Assert.ThrowsAsync<IOException>(() => second.Task);
    });

    [Fact]
    public void AnyWithin_is_false_after_the_bound() => Loops.Run(async _ =>
    {
        FakeTime time = new();
        Task<bool> any = LoopTask.AnyWithinAsync(TimeSpan.FromSeconds(5), time, LoopTask.NewSource().Task);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(any.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await any);
    });
}
