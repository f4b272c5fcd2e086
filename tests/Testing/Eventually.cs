using System.Diagnostics;

namespace Testing;

/// <summary>Waits for what another process does in its own time, for a bounded time.</summary>
public static class Eventually
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(60);

    public static async Task<T> GetAsync<T>(string what, Func<Task<T?>> look, TimeSpan? bound = null)
    {
        TimeSpan limit = bound ?? s_bound;
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (await look() is { } found)
                return found;
            if (Stopwatch.GetElapsedTime(start) > limit)
                throw new TimeoutException($"not within {limit.TotalSeconds} s: {what}");
            await Task.Delay(s_pause);
        }
    }

    /// <summary>Waits until an assertion holds; fails as it does if it never holds.</summary>
    public static async Task PassesAsync(Action assert, TimeSpan? bound = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                assert();
                return;
            }
            catch (Exception e) when (e is Xunit.Sdk.IAssertionException
                && Stopwatch.GetElapsedTime(start) < (bound ?? s_bound))
            {
                await Task.Delay(s_pause);
            }
        }
    }

    public static Task TrueAsync(string what, Func<bool> look, TimeSpan? bound = null) =>
        GetAsync<object>(what, () => Task.FromResult<object?>(look() ? true : null), bound);

    public static Task TrueAsync(string what, Func<Task<bool>> look, TimeSpan? bound = null) =>
        GetAsync<object>(what, async () => await look() ? true : null, bound);
}
