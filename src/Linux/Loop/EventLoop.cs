using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Linux;

/// <summary>
/// One thread that waits for descriptors, timers and posted work, and runs everything that follows from them.
/// </summary>
/// <remarks>
/// Constraints. One such process exists for every pod of a node, so a thread (stack, runtime data) is a cost paid
/// hundreds of times; the runtime's thread pool, timer thread and socket engine would be five or more. Most of the
/// time nothing happens and nothing may then be scheduled. Code above is ordinary async/await.
///
/// Scheme. The loop is a <see cref="SynchronizationContext"/>, so that awaits come back to its thread, and a
/// <see cref="TimeProvider"/>, so that delays need no timer thread. A turn is: run what was posted, fire the timers
/// that are due, then epoll_wait until a descriptor is ready or the next timer is due. Another thread that posts
/// wakes the loop by an eventfd, and only if it is asleep: <see cref="_asleep"/> is set under the lock in the same
/// breath in which the queue is seen to be empty, so a post is either seen by the loop or finds it asleep.
///
/// Descriptors are registered once, edge-triggered, for both directions. Operations try the system call first and
/// wait only after EAGAIN; the edge that ends the wait comes after that EAGAIN, so none is missed, a busy connection
/// costs no epoll_ctl per wait, and an idle one costs none at all. The eventfd is edge-triggered too and is never
/// read: each write is a new edge, and its counter does not fill in the life of a machine.
///
/// Whoever calls again and again calls within microseconds of the answer, and to be woken for it takes longer than to
/// answer, a core that fell asleep meanwhile many times longer. So after something was ready the loop looks a little
/// longer before it sleeps; when nothing happens it does not run at all.
///
/// Nothing completes on a foreign thread: <see cref="RunBlocking{T}"/> posts its result. So completions may run
/// continuations inline, and the thread pool never starts.
/// </remarks>
public sealed class EventLoop : IDisposable
{
    private const int EventsPerPoll = 64;
    private const int PostedPerTurn = 256;
    private const int BlockingStackBytes = 256 * 1024;
    private const ulong WakeKey = ulong.MaxValue;

    // On a single core whoever is to call next could not run meanwhile.
    private static readonly long s_linger =
        Environment.ProcessorCount > 1 ? (long)(Stopwatch.Frequency * TimeSpan.FromMicroseconds(40).TotalSeconds) : 0;

    [ThreadStatic]
    private static EventLoop? t_current;

    private readonly Lock _gate = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();
    private readonly TimerHeap _timers = new();
    private readonly Descriptor _epoll;
    private readonly Descriptor _wake;
    private readonly LoopContext _context;
    private Readiness?[] _slots = new Readiness?[16];
    private uint _generation;
    private bool _asleep;
    private bool _wasReady;
    private bool _closed;
    private bool _running;

    private EventLoop(Descriptor epoll, Descriptor wake)
    {
        _epoll = epoll;
        _wake = wake;
        _context = new LoopContext(this);
        Time = new LoopTime(this);
        Control(Libc.EPOLL_CTL_ADD, wake, Libc.EPOLLIN | Libc.EPOLLET, WakeKey);
    }

    /// <summary>The loop that runs on this thread.</summary>
    /// <exception cref="InvalidOperationException">None does.</exception>
    internal static EventLoop Current => t_current ?? throw new InvalidOperationException("No event loop runs here.");

    /// <summary>The loop's clock. Its timers fire on the loop's thread, in order of their due times, and do not carry
    /// an ExecutionContext. Timestamps are CLOCK_MONOTONIC.</summary>
    public TimeProvider Time { get; }

    /// <summary>Makes a loop; it does nothing until <see cref="Run"/>.</summary>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static EventLoop Create()
    {
        Descriptor epoll = new(LinuxException.ThrowIfFailed(Libc.epoll_create1(Libc.EPOLL_CLOEXEC), "epoll_create1"));
        try
        {
            int wake = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
            return new EventLoop(epoll, new Descriptor(LinuxException.ThrowIfFailed(wake, "eventfd")));
        }
        catch
        {
            epoll.Dispose();
            throw;
        }
    }

    /// <summary>Runs <paramref name="main"/> on this thread until its task ends, and everything it starts
    /// meanwhile.</summary>
    /// <param name="main">Called on the loop, with its synchronisation context installed.</param>
    /// <exception cref="InvalidOperationException">A loop runs on this thread already.</exception>
    /// <remarks>Rethrows what <paramref name="main"/> failed with. An exception that a posted callback or a timer let
    /// out (that is how async void methods fail) ends the run at once with that exception; what was still posted
    /// stays posted.</remarks>
    public void Run(Func<Task> main)
    {
        ArgumentNullException.ThrowIfNull(main);
        Enter(main).GetAwaiter().GetResult();
    }

    /// <summary>Runs a call that may block (mount, umount, a deep delete) on a thread of its own, with a stack of
    /// 256 KiB, that ends with it.</summary>
    /// <param name="what">The thread's name.</param>
    /// <param name="work">The call.</param>
    /// <returns>A task completed on the loop with the result or the exception of <paramref name="work"/>.</returns>
    public Task<T> RunBlocking<T>(string what, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        // Completed on the loop by Post, hence without RunContinuationsAsynchronously, which would start the thread
        // pool for awaits by WhenAny or WaitAsync.
        TaskCompletionSource<T> done = new();
        Thread thread = new(() =>
        {
            SendOrPostCallback complete;
            try
            {
                T result = work();
                complete = _ => done.SetResult(result);
            }
            catch (Exception e)
            {
                complete = _ => done.SetException(e);
            }
            Post(complete, null);
        }, BlockingStackBytes) { Name = what, IsBackground = true };
        thread.Start();
        return done.Task;
    }

    /// <summary>Closes the loop's descriptors. Later posts are dropped; operations still waiting never end, so their
    /// owners are disposed first.</summary>
    public void Dispose()
    {
        lock (_gate)
            _closed = true;
        _epoll.Dispose();
        _wake.Dispose();
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

    /// <summary>Changes a timer's due time; <see cref="LoopTimer.Never"/> takes it out. From any thread.</summary>
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
            throw new InvalidOperationException("This belongs to an event loop and was used outside of its thread.");
    }

    internal bool IsCurrent => t_current == this;

    /// <summary>Puts a descriptor into the epoll set.</summary>
    /// <returns>The key of its events: slot in the low half, a fresh generation in the high half, so that an event
    /// reported for a descriptor that is closed by now is never taken for its slot's next tenant.</returns>
    internal ulong Register(Readiness readiness, Descriptor descriptor)
    {
        int slot = Array.IndexOf(_slots, null);
        if (slot < 0)
        {
            slot = _slots.Length;
            Array.Resize(ref _slots, _slots.Length * 2);
        }
        _generation = (_generation % int.MaxValue) + 1;
        ulong key = ((ulong)_generation << 32) | (uint)slot;
        const uint Both = Libc.EPOLLIN | Libc.EPOLLOUT | Libc.EPOLLRDHUP | Libc.EPOLLET;
        Control(Libc.EPOLL_CTL_ADD, descriptor, Both, key);
        _slots[slot] = readiness;
        return key;
    }

    internal void Unregister(ulong key, Descriptor descriptor)
    {
        // An operation of a running loop from elsewhere would race with it; one at rest may be taken apart anywhere.
        if (_running)
            VerifyAccess();
        _slots[(uint)key] = null;
        if (_closed)
            return;
        // Closing alone is not enough: a duplicate of the open file would keep the registration alive.
        Control(Libc.EPOLL_CTL_DEL, descriptor, 0, key);
    }

    private Task Enter(Func<Task> main)
    {
        if (t_current is not null)
            throw new InvalidOperationException("An event loop runs on this thread already.");
        SynchronizationContext? outer = SynchronizationContext.Current;
        t_current = this;
        _running = true;
        SynchronizationContext.SetSynchronizationContext(_context);
        try
        {
            Task task = main();
            if (!task.IsCompleted)
                task.GetAwaiter().UnsafeOnCompleted(static () => { }); // posted here, so it wakes the loop
            while (!task.IsCompleted)
            {
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

    // Bounded, so that work which posts more work does not keep descriptors and timers waiting.
    private void RunPosted()
    {
        for (int budget = PostedPerTurn; budget > 0; budget--)
        {
            (SendOrPostCallback Callback, object? State) work;
            lock (_gate)
            {
                if (!_posted.TryDequeue(out work))
                    return;
            }
            work.Callback(work.State);
        }
    }

    // Only what is due by now: a timer set again for at once waits for the next turn.
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
            timer.Fire();
        }
    }

    [SkipLocalsInit]
    private unsafe void Poll()
    {
        byte* events = stackalloc byte[EventsPerPoll * 16];
        int count = 0;
        long end = _wasReady ? Stopwatch.GetTimestamp() + s_linger : 0;
        while (count == 0 && _posted.Count == 0 && Stopwatch.GetTimestamp() < end)
            count = Libc.epoll_wait(_epoll, events, EventsPerPoll, 0);
        if (count == 0)
        {
            count = Libc.epoll_wait(_epoll, events, EventsPerPoll, Sleep());
            lock (_gate)
                _asleep = false;
        }
        _wasReady = count > 0;
        if (count < 0)
        {
            // A signal (the runtime suspends threads by one) only ends the wait early.
            if (LinuxException.LastErrno == Errno.EINTR)
                return;
            LinuxException.ThrowLast("epoll_wait");
        }
        for (int i = 0; i < count; i++)
        {
            byte* one = events + (i * Libc.EpollEventSize);
            uint ready = Unsafe.ReadUnaligned<uint>(one);
            ulong key = Unsafe.ReadUnaligned<ulong>(one + Libc.EpollDataOffset);
            if (key != WakeKey && _slots[(uint)key] is { } readiness && readiness.Key == key)
                readiness.Signal(ready);
        }
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
        ReadOnlySpan<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        if (_wake.TryWrite(one, out Errno errno) < 0)
            throw new LinuxException(errno, "write", "eventfd");
    }

    private unsafe void Control(int operation, Descriptor descriptor, uint events, ulong key)
    {
        byte* request = stackalloc byte[16];
        Unsafe.WriteUnaligned(request, events);
        Unsafe.WriteUnaligned(request + Libc.EpollDataOffset, key);
        LinuxException.ThrowIfFailed(Libc.epoll_ctl(_epoll, operation, descriptor, request), "epoll_ctl",
            descriptor.ToString());
    }

    private sealed class LoopContext(EventLoop loop) : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state) => loop.Post(d, state);

        public override void Send(SendOrPostCallback d, object? state)
        {
            loop.VerifyAccess();
            d(state);
        }

        public override SynchronizationContext CreateCopy() => this;
    }
}
