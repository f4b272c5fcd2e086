using System.Diagnostics;

namespace Shim.Runsc;

/// <summary>Waits for the end of processes that are not this process's children: nothing tells of it.</summary>
internal static class Polling
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(5);

    /// <summary>Looks until something is so, or the time is over; once at least. Blocks.</summary>
    /// <param name="bound">The time.</param>
    /// <param name="isSo">Looks.</param>
    /// <returns>Whether it was so at the last look.</returns>
    public static bool Until(TimeSpan bound, Func<bool> isSo)
    {
        long start = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(start) >= bound)
                return false;
            Thread.Sleep(s_look);
        }
        return true;
    }
}
