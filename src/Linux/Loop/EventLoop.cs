using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Linux;

/// <summary>
/// One thread that waits for descriptors, timers and posted work, and runs everything that follows from them.
/// </summary>
/// <remarks>
/// Constraints. Every pod of a node has one such process, so the cost of a thread (stack, runtime data) is paid
/// hundreds of times; the runtime's thread pool, timer thread and socket engine would be five or more. Most of the time
/// nothing happens, and then nothing may be scheduled. The code above is ordinary async/await.
///
/// Scheme. The loop is a <see cref="SynchronizationContext"/>, so that awaits resume on its thread, and a
/// <see cref="TimeProvider"/>, so that delays need no timer thread. An iteration runs what was posted, fires the timers
/// that are due, and waits in epoll (<see cref="EpollSet"/>) until a descriptor is ready or the next timer is due.
/// Another thread that posts wakes the loop, but only if it is asleep: <see cref="_asleep"/> is set under the same lock
/// under which the queue is seen to be empty, so the loop either sees a post or is found asleep by it.
///
/// Busy clients call again within microseconds of the answer. Waking the loop for that takes longer than answering, and
/// many times longer if the core has gone idle. So after an event the loop polls a little longer before it sleeps;
/// while nothing happens it does not run at all.
///
/// Nothing completes on another thread: <see cref="RunBlocking"/> posts its result. So completions may run
/// continuations inline, and the thread pool never starts.
/// </remarks>
public sealed class EventLoop : IDisposable
{
    private const int PostedPerIteration = 256;
    private const int BlockingStackBytes = 256 * 1024;

    // On a single core the next caller could not run meanwhile.
    private static readonly long s_linger =
        Environment.ProcessorCount > 1 ? (long)(Stopwatch.Frequency * TimeSpan.FromMicroseconds(40).TotalSeconds) : 0;

    [ThreadStatic]
    private static EventLoop? t_current;

    private readonly Lock _gate = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();
    private readonly TimerHeap _timers = new();
    private readonly EpollSet _epoll;
    private readonly LoopContext _context;
    private bool _asleep;
    private bool _wasReady;
    private bool _closed;
    private bool _running;

    private EventLoop(EpollSet epoll)
    {
        _epoll = epoll;
        _context = new LoopContext(this);
        Time = new LoopTime(this);
    }

    /// <summary>The loop that runs on this thread.</summary>
    /// <exception cref="InvalidOperationException">No loop runs on this thread.</exception>
    internal static EventLoop Current =>
        t_current ?? throw new InvalidOperationException("no event loop runs on this thread");

    /// <summary>The loop's clock. Its timers fire on the loop's thread, in order of their due times, and do not carry
    /// an ExecutionContext. Timestamps are CLOCK_MONOTONIC.</summary>
    public TimeProvider Time { get; }

    /// <summary>Called with an exception that escapes a posted callback, a timer or an operation on a descriptor; then
    /// the loop goes on. Null: such an exception ends <see cref="Run"/>.</summary>
    public Action<Exception>? UnhandledException { get; set; }

    /// <summary>The number of the loop's present iteration.</summary>
    internal long Turn { get; private set; }

    /// <summary>Creates a loop; it does nothing until <see cref="Run"/>.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static EventLoop Create() => new(EpollSet.Create());

    /// <summary>Runs <paramref name="main"/> on this thread, and everything it starts, until its task ends.</summary>
    /// <param name="main">Called on the loop, with its synchronization context installed.</param>
    /// <exception cref="InvalidOperationException">A loop already runs on this thread.</exception>
    /// <remarks>Rethrows the exception of <paramref name="main"/>. An exception that escapes a posted callback or a
    /// timer (async void methods fail that way) goes to <see cref="UnhandledException"/>, or else ends the run at once;
    /// the remaining posts stay in the queue.</remarks>
    public void Run(Func<Task> main)
    {
        ArgumentNullException.ThrowIfNull(main);
        Enter(main).GetAwaiter().GetResult();
    }

    /// <summary>Runs a call that may block (mount, umount, a deep delete) on a new thread with a stack of 256 KiB,
    /// which ends with the call.</summary>
    /// <param name="what">The thread's name.</param>
    /// <param name="work">The call.</param>
    /// <returns>A task completed on the loop, if <paramref name="work"/> throws with its exception.</returns>
    public Task RunBlocking(string what, Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        TaskCompletionSource done = LoopTask.NewSource();
        Thread thread = new(Work, BlockingStackBytes) { Name = what, IsBackground = true };
        thread.Start();
        return done.Task;

        void Work()
        {
            SendOrPostCallback complete;
            try
            {
                work();
                complete = _ => done.SetResult();
            }
            catch (Exception e)
            {
                complete = _ => done.SetException(e);
            }
            Post(complete, null);
        }
    }

    /// <summary>Closes the loop's descriptors. Later posts are dropped; operations that still wait never end, so
    /// dispose their owners first.</summary>
    public void Dispose()
    {
        lock (_gate)
            _closed = true;
        _epoll.Dispose();
    }

    internal void Post(SendOrPostCallback callback, object? state)
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _posted.Enqueue((callback, state));
            WakeIfAsleep();
        }
    }

    /// <summary>Changes a timer's due time; <see cref="LoopTimer.Never"/> removes it. From any thread.</summary>
    internal void Schedule(LoopTimer timer, long due)
    {
        lock (_gate)
        {
            _timers.Set(timer, due);
            if (_timers.First == timer)
                WakeIfAsleep();
        }
    }

    internal void VerifyAccess()
    {
        if (t_current != this)
            throw new InvalidOperationException("an event loop's object was used outside of the loop's thread");
    }

    internal bool IsCurrent => t_current == this;

    /// <inheritdoc cref="EpollSet.Add"/>
    internal ulong Register(Readiness readiness, Descriptor descriptor) => _epoll.Add(readiness, descriptor);

    internal void Unregister(ulong key, Descriptor descriptor)
    {
        // From another thread this would race with a running loop; a loop at rest may be taken apart anywhere.
        if (_running)
            VerifyAccess();
        _epoll.Remove(key, descriptor);
    }

    private Task Enter(Func<Task> main)
    {
        if (t_current is not null)
            throw new InvalidOperationException("an event loop already runs on this thread");
        SynchronizationContext? outer = SynchronizationContext.Current;
        t_current = this;
        _running = true;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            Task task = main();
            if (!task.IsCompleted)
                task.GetAwaiter().UnsafeOnCompleted(static () => { }); // posted to this loop, so it wakes it
            while (!task.IsCompleted)
            {
                Turn++;
                RunPosted();
                FireTimers();
                if (!task.IsCompleted)
                    Poll();
            }
            return task;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
            _running = false;
            t_current = null;
        }
    }

    // Bounded, so that work which posts more work does not starve descriptors and timers.
    private void RunPosted()
    {
        for (int budget = PostedPerIteration; budget > 0; budget--)
        {
            (SendOrPostCallback Callback, object? State) work;
            lock (_gate)
            {
                if (!_posted.TryDequeue(out work))
                    return;
            }
            try
            {
                work.Callback(work.State);
            }
            catch (Exception e) when (UnhandledException is not null)
            {
                UnhandledException(e);
            }
        }
    }

    // Fires what is due now; a timer that is set again with no delay waits for the next iteration.
    private void FireTimers()
    {
        long now = Time.GetTimestamp();
        while (true)
        {
            LoopTimer timer;
            lock (_gate)
            {
                if (_timers.First is not { } first || first.Due > now)
                    return;
                timer = first;
                _timers.Set(timer, timer.NextDue(Time.GetTimestamp()));
            }
            try
            {
                timer.Fire();
            }
            catch (Exception e) when (UnhandledException is not null)
            {
                UnhandledException(e);
            }
        }
    }

    [SkipLocalsInit]
    private unsafe void Poll()
    {
        byte* events = stackalloc byte[EpollSet.BufferBytes];
        int count = 0;
        long end = _wasReady ? Stopwatch.GetTimestamp() + s_linger : 0;
        while (count == 0 && _posted.Count == 0 && Stopwatch.GetTimestamp() < end)
            count = _epoll.Wait(events, 0);
        if (count == 0)
        {
            count = _epoll.Wait(events, Sleep());
            lock (_gate)
                _asleep = false;
        }
        _wasReady = count > 0;
        _epoll.Deliver(events, count, UnhandledException);
    }

    /// <summary>Decides how long to wait, in milliseconds for epoll_wait, and marks the loop asleep.</summary>
    private int Sleep()
    {
        lock (_gate)
        {
            if (_posted.Count > 0)
                return 0;
            _asleep = true;
            if (_timers.First is not { } first)
                return -1;
            TimeSpan left = Time.GetElapsedTime(Time.GetTimestamp(), first.Due);
            // Rounded up: waking a fraction too early would spin.
            return (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue);
        }
    }

    private void WakeIfAsleep()
    {
        if (!_asleep || _closed)
            return;
        _asleep = false;
        _epoll.Wake();
    }
}
