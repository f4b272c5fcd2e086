namespace Linux;

/// <summary>The clock of an event loop; see <see cref="EventLoop.Time"/>.</summary>
internal sealed class LoopTime(EventLoop loop) : TimeProvider
{
    private const long MaxMilliseconds = 0xfffffffe;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        LoopTimer timer = new(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    internal void Schedule(LoopTimer timer, long due) => loop.Schedule(timer, due);

    /// <summary>A span in timestamp ticks; negative for <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    internal long ToTicks(TimeSpan span, string parameter)
    {
        if (span == Timeout.InfiniteTimeSpan)
            return -1;
        double milliseconds = span.TotalMilliseconds;
        if (milliseconds is < 0 or > MaxMilliseconds)
            throw new ArgumentOutOfRangeException(parameter);
        return (long)(span.Ticks * ((double)TimestampFrequency / TimeSpan.TicksPerSecond));
    }
}
