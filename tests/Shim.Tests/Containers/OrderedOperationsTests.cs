using Shim.Tests.Support;

namespace Shim.Tests.Containers;

public sealed class OrderedOperationsTests
{
    [Fact]
    public void Operations_run_in_order_and_one_at_a_time()
    {
        Loops.Run(async _ =>
        {
            OrderedOperations operations = new();
            List<string> happened = [];
            TaskCompletionSource first = new(), second = new();
            Task<int> one = operations.RunAsync(async () =>
            {
                happened.Add("one begins");
                await first.Task;
                happened.Add("one ends");
                return 1;
            });
            Task two = operations.RunAsync(async () =>
            {
                happened.Add("two begins");
                await second.Task;
                happened.Add("two ends");
            });
            Task three = operations.RunAsync(() =>
            {
                happened.Add("three");
                return Task.CompletedTask;
            });
            second.SetResult();
            Assert.Equal(["one begins"], happened);
            first.SetResult();
            await three;
            Assert.Equal(1, await one);
            await two;
            Assert.Equal(["one begins", "one ends", "two begins", "two ends", "three"], happened);
        });
    }

    [Fact]
    public void One_that_fails_does_not_stop_the_next()
    {
        Loops.Run(async _ =>
        {
            OrderedOperations operations = new();
            TaskCompletionSource late = new();
            Task throwing = operations.RunAsync(() => throw new FormatException("at once"));
            Task failing = operations.RunAsync(async () =>
            {
                await late.Task;
                throw new FormatException("later");
            });
            Task cancelled = operations.RunAsync(() => Task.FromCanceled(new CancellationToken(canceled: true)));
            Task<int> next = operations.RunAsync(() => Task.FromResult(4));
            Assert.Equal("at once", (await Assert.ThrowsAsync<FormatException>(() => throwing)).Message);
            Assert.False(next.IsCompleted);
            late.SetResult();
            Assert.Equal(4, await next);
            Assert.Equal("later", (await Assert.ThrowsAsync<FormatException>(() => failing)).Message);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        });
    }
}
