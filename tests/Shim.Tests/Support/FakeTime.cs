namespace Shim.Tests.Support;

/// <summary>A clock that stands until it is told to move. From the loop's thread only; its timers fire there.</summary>
internal sealed class FakeTime : TimeProvider
{
    private readonly List<Timer> _armed = [];
    private TaskCompletionSource _changed = new();
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => _now.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Waits until somebody waits for exactly this long from now.</summary>
    public async Task UntilAwaitedAsync(TimeSpan wait)
    {
        while (!_armed.Exists(timer => timer.Due == _now + wait))
            await _changed.Task;
    }

    public void Advance(TimeSpan by)
    {
        _now += by;
        foreach (Timer timer in (Timer[])[.. _armed.Where(timer => timer.Due <= _now).OrderBy(timer => timer.Due)])
            if (_armed.Remove(timer))
                timer.Fire();
    }

    private sealed class Timer(FakeTime time, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Dispose();
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;
            Due = time._now + dueTime;
            time._armed.Add(this);
            TaskCompletionSource changed = time._changed;
            time._changed = new TaskCompletionSource();
            changed.SetResult();
            return true;
        }

        public void Dispose() => time._armed.Remove(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
