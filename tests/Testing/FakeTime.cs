namespace Testing;

/// <summary>
/// A clock that moves only when a test advances it. Its timers fire on the thread that advances it, in the order in
/// which they are due.
/// </summary>
public sealed class FakeTime : TimeProvider
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(20);

    private readonly Lock _gate = new();
    private readonly List<Timer> _armed = [];
    // On an event loop the continuation is posted to the loop, elsewhere to the thread pool; never run under the lock.
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>The number of timers that are set.</summary>
    public int Armed
    {
        get
        {
            lock (_gate)
                return _armed.Count;
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override long GetTimestamp() => GetUtcNow().Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Waits until so many timers are set.</summary>
    public Task UntilArmedAsync(int count = 1) => UntilAsync(() => _armed.Count >= count);

    /// <summary>Waits until a timer is set for exactly this long from now.</summary>
    public Task UntilAwaitedAsync(TimeSpan wait) => UntilAsync(() => _armed.Exists(timer => timer.Due == _now + wait));

    /// <summary>Moves the clock and fires the timers that are due by then.</summary>
    public void Advance(TimeSpan by)
    {
        Timer[] due;
        lock (_gate)
        {
            _now += by;
            due = [.. _armed.Where(timer => timer.Due <= _now).OrderBy(static timer => timer.Due)];
        }
        // A timer may be stopped by one that fires before it.
        foreach (Timer timer in due)
            if (Disarm(timer))
                timer.Fire();
    }

    private async Task UntilAsync(Func<bool> isSo)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (isSo())
                    return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(s_bound);
        }
    }

    private void Arm(Timer timer, TimeSpan dueTime)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            timer.Due = _now + dueTime;
            _armed.Add(timer);
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }

    private bool Disarm(Timer timer)
    {
        lock (_gate)
            return _armed.Remove(timer);
    }

    private sealed class Timer(FakeTime time, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset Due { get; set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (period != Timeout.InfiniteTimeSpan && period != TimeSpan.Zero)
                throw new NotSupportedException("a fake timer fires once");
            Dispose();
            if (dueTime != Timeout.InfiniteTimeSpan)
                time.Arm(this, dueTime);
            return true;
        }

        public void Dispose() => time.Disarm(this);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
