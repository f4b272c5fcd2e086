using System.Diagnostics;

namespace Shim.Commands;

/// <summary>The time that a command may take, from now on.</summary>
internal sealed class Budget(TimeSpan total)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>What is left; never negative.</summary>
    public TimeSpan Left => total - Stopwatch.GetElapsedTime(_start) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>What is left if some of it is kept for later; never negative.</summary>
    public TimeSpan LeftBut(TimeSpan kept) => Left - kept is { Ticks: > 0 } left ? left : TimeSpan.Zero;
}
