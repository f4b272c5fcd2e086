namespace Linux;

/// <summary>A timer of an event loop. Its place in the heap is protected by the loop's lock.</summary>
internal sealed class LoopTimer(LoopTime time, TimerCallback callback, object? state) : ITimer
{
    /// <summary>The due time of a timer that is not set.</summary>
    internal const long Never = long.MaxValue;

    private long _periodTicks = -1;
    private volatile bool _disposed;

    /// <summary>The timestamp at which it fires.</summary>
    internal long Due { get; set; } = Never;

    /// <summary>Orders timers with the same due time by when they were set.</summary>
    internal long Sequence { get; set; }

    /// <summary>The index in the heap, or -1.</summary>
    internal int Index { get; set; } = -1;

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        long due = time.ToTicks(dueTime, nameof(dueTime));
        long every = time.ToTicks(period, nameof(period));
        if (_disposed)
            return false;
        _periodTicks = every == 0 ? -1 : every;
        time.Schedule(this, due < 0 ? Never : time.GetTimestamp() + due);
        return true;
    }

    internal long NextDue(long now) => _periodTicks < 0 ? Never : now + _periodTicks;

    internal void Fire()
    {
        // Another thread may have disposed it since it left the heap.
        if (!_disposed)
            callback(state);
    }

    public void Dispose()
    {
        _disposed = true;
        time.Schedule(this, Never);
    }

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }
}
