using Shim.Tests.Support;

namespace Shim.Tests;

/// <summary>Calls that may block forever.</summary>
public sealed class BlockingCallsTests : IDisposable
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(1);

    private readonly ManualResetEventSlim _goOn = new();

    public void Dispose() => _goOn.Dispose();

    [Fact]
    public void A_call_that_comes_back_too_late_is_undone() => TestShim.Run(async shim =>
    {
        var late = new TaskCompletionSource<string>();
        Task<string> call = shim.Context.Blocking.RunAsync("look at", "/dead", () =>
        {
            _goOn.Wait();
            return "found";
        }, late.SetResult);
        await PassAsync(shim);
        Assert.Equal("look at /dead: timed out after 60 s",
            (await Assert.ThrowsAsync<IOException>(() => call)).Message);
        _goOn.Set();
        Assert.Equal("found", await late.Task);
    });

    [Fact]
    public void What_is_opened_too_late_is_closed() => TestShim.Run(async shim =>
    {
        var opened = new Closed();
        Task<Closed> call = shim.Context.Blocking.RunAsync("open", "/dead", () =>
        {
            _goOn.Wait();
            return opened;
        });
        await PassAsync(shim);
        await Assert.ThrowsAsync<IOException>(() => call);
        _goOn.Set();
        await opened.Task;
    });

    [Fact]
    public void A_late_failure_is_nobodys() => TestShim.Run(async shim =>
    {
        Task call = shim.Context.Blocking.RunAsync("mount", "/dead", () =>
        {
            _goOn.Wait();
            throw new IOException("in the end");
        }, () => throw new InvalidOperationException("there is nothing to undo"));
        await PassAsync(shim);
        await Assert.ThrowsAsync<IOException>(() => call);
        _goOn.Set();
        await TestShim.SettleAsync();
    });

    [Fact]
    public void Steps_may_take_any_time_while_there_are_some() => TestShim.Run(async shim =>
    {
        using SemaphoreSlim step = new(0);
        var done = new SemaphoreSlim(0);
        bool isUndone = false;
        Task call = shim.Context.Blocking.RunStepsAsync("write", "/slow", progress =>
        {
            for (int i = 0; i < 3; i++)
            {
                step.Wait();
                progress();
                done.Release();
            }
            _goOn.Wait();
        }, () => isUndone = true);
        for (int i = 0; i < 3; i++)
        {
            step.Release();
            done.Wait();
            await PassAsync(shim);
            await TestShim.SettleAsync();
            Assert.False(call.IsCompleted);
        }
        await PassAsync(shim);
        Assert.Equal("write /slow: timed out after 60 s", (await Assert.ThrowsAsync<IOException>(() => call)).Message);
        _goOn.Set();
        await TestShim.UntilAsync(() => isUndone);
    });

    private static async Task PassAsync(TestShim shim)
    {
        await shim.Time.UntilAwaitedAsync(s_bound);
        shim.Time.Advance(s_bound);
    }

    private sealed class Closed : IDisposable
    {
        private readonly TaskCompletionSource _closed = new();

        public Task Task => _closed.Task;

        public void Dispose() => _closed.SetResult();
    }
}
