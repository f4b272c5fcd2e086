using CsCheck;
using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class EventLoopTests
{
    [Fact]
    public void Timers_fire_in_order_of_due_time_then_of_setting()
    {
        Loops.Run(async loop =>
        {
            List<string> fired = [];
            TaskCompletionSource last = new();
            List<ITimer> timers = [];
            void Set(string name, int milliseconds) => timers.Add(loop.Time.CreateTimer(_ =>
            {
                fired.Add(name);
                if (name == "c")
                    last.SetResult();
            }, null, TimeSpan.FromMilliseconds(milliseconds), Timeout.InfiniteTimeSpan));
            Set("c", 9);
            Set("b", 5);
            Set("cancelled", 2);
            Set("a", 0);
            timers[2].Dispose();
            await last.Task;
            Assert.Equal(["a", "b", "c"], fired);
        });
    }

    [Fact]
    public void An_unexpected_exception_is_told_and_the_loop_goes_on()
    {
        List<string> told = [];
        Loops.Run(async loop =>
        {
            loop.UnhandledException = e => told.Add(e.Message);
            loop.Post(static _ => throw new InvalidOperationException("posted"), null);
            using ITimer timer = loop.Time.CreateTimer(static _ => throw new InvalidOperationException("timer"), null,
                TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            LoopTask.Watch(static async () =>
            {
                await Task.Yield();
                throw new InvalidOperationException("watcher");
            });
            while (told.Count < 3)
                await Task.Yield();
        });
        Assert.Equal(["posted", "timer", "watcher"], told.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Timer_heap_agrees_with_a_sorted_list()
    {
        Gen.Int[0, 20].Array[0, 60].Sample(dues =>
        {
            using EventLoop loop = EventLoop.Create();
            TimerHeap heap = new();
            List<LoopTimer> timers = [];
            for (int i = 0; i < dues.Length; i++)
            {
                // Every third step removes an earlier timer or sets it again.
                if (i % 3 == 2)
                    heap.Set(timers[dues[i] % timers.Count], dues[i] % 2 == 0 ? LoopTimer.Never : dues[i]);
                LoopTimer timer = new((LoopTime)loop.Time, _ => { }, null);
                heap.Set(timer, dues[i]);
                timers.Add(timer);
            }
            LoopTimer[] expected = [.. timers.Where(t => t.Due != LoopTimer.Never)
                .OrderBy(t => t.Due).ThenBy(t => t.Sequence)];
            List<LoopTimer> actual = [];
            while (heap.First is { } first)
            {
                actual.Add(first);
                Assert.Equal(0, first.Index);
                long due = first.Due;
                heap.Set(first, LoopTimer.Never);
                first.Due = due;
            }
            return actual.SequenceEqual(expected);
        });
    }

    [Fact]
    public void Periodic_timer_fires_until_it_is_disposed()
    {
        Loops.Run(async loop =>
        {
            int count = 0;
            TaskCompletionSource third = new();
            ITimer timer = loop.Time.CreateTimer(_ =>
            {
                if (++count == 3)
                    third.SetResult();
            }, null, TimeSpan.Zero, TimeSpan.FromMilliseconds(1));
            await third.Task;
            timer.Dispose();
            // Timers fire in order of their due times: this one after the next period of the disposed one.
            await Task.Delay(TimeSpan.FromMilliseconds(5), loop.Time);
            Assert.Equal(3, count);
        });
    }

    [Fact]
    public void Timers_accept_the_range_of_TimeProvider()
    {
        Loops.Run(loop =>
        {
            ITimer timer = loop.Time.CreateTimer(_ => { }, null, TimeSpan.FromMilliseconds(uint.MaxValue - 1),
                Timeout.InfiniteTimeSpan);
            Assert.True(timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
            Assert.Throws<ArgumentOutOfRangeException>(() => timer.Change(TimeSpan.FromMilliseconds(-2), default));
            Assert.Throws<ArgumentOutOfRangeException>(() => timer.Change(TimeSpan.MaxValue, default));
            timer.Dispose();
            Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void Continuations_resume_on_the_loop()
    {
        Loops.Run(async loop =>
        {
            int thread = Environment.CurrentManagedThreadId;
            Assert.Same(loop, EventLoop.Current);
            await Task.Yield();
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            int other = thread;
            await loop.RunBlocking("test", () => other = Environment.CurrentManagedThreadId);
            Assert.NotEqual(thread, other);
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
            await Task.Run(() => { }, TestContext.Current.CancellationToken);
            Assert.Equal(thread, Environment.CurrentManagedThreadId);
        });
        Assert.Throws<InvalidOperationException>(() => EventLoop.Current);
    }

    [Fact]
    public void RunBlocking_returns_the_exception()
    {
        Loops.Run(async loop =>
        {
            InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(
                () => loop.RunBlocking("test", () => throw new InvalidOperationException("here")));
            Assert.Equal("here", e.Message);
        });
    }

    [Fact]
    public void Exception_of_a_posted_callback_ends_the_run_and_keeps_other_posts()
    {
        using EventLoop loop = EventLoop.Create();
        bool later = false;
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => loop.Run(async () =>
        {
            loop.Post(_ => throw new InvalidOperationException("posted"), null);
            loop.Post(_ => later = true, null);
            await new TaskCompletionSource().Task;
        }));
        Assert.Equal("posted", e.Message);
        Assert.False(later);
        loop.Run(async () => await Task.Yield());
        Assert.True(later);
    }

    [Fact]
    public void Exception_of_an_async_void_ends_the_run()
    {
        using EventLoop loop = EventLoop.Create();
        static async void Fail()
        {
            await Task.Yield();
            throw new InvalidOperationException("async void");
        }
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => loop.Run(() =>
        {
            Fail();
            return new TaskCompletionSource().Task;
        }));
        Assert.Equal("async void", e.Message);
    }

    [Fact]
    public void Run_rethrows_and_does_not_nest()
    {
        using EventLoop loop = EventLoop.Create();
        Assert.Throws<FormatException>(() => loop.Run(async () =>
        {
            await Task.Yield();
            throw new FormatException();
        }));
        loop.Run(() =>
        {
            Assert.Throws<InvalidOperationException>(() => loop.Run(() => Task.CompletedTask));
            return Task.CompletedTask;
        });
    }

    [Fact]
    public void Posts_from_other_threads_all_arrive_in_order()
    {
        Loops.Run(async loop =>
        {
            const int PerThread = 20_000;
            const int Threads = 3;
            int[] next = new int[Threads];
            int total = 0;
            TaskCompletionSource all = new();
            for (int thread = 0; thread < Threads; thread++)
            {
                int self = thread;
                new Thread(() =>
                {
                    for (int i = 0; i < PerThread; i++)
                    {
                        loop.Post(number =>
                        {
                            if (next[self]++ != (int)number!)
                                all.TrySetException(new InvalidOperationException("out of order"));
                            if (++total == Threads * PerThread)
                                all.TrySetResult();
                        }, i);
                    }
                }).Start();
            }
            await all.Task;
        });
    }

    [Fact]
    public void Work_that_posts_more_work_does_not_starve_timers()
    {
        Loops.Run(async loop =>
        {
            bool stop = false;
            void Again(object? state)
            {
                if (!stop)
                    loop.Post(Again, null);
            }
            Again(null);
            await Task.Delay(TimeSpan.FromMilliseconds(2), loop.Time);
            stop = true;
        });
    }

    [Fact]
    public void The_loop_starts_no_thread() => PeerProcess.Run(NoThreadStarts);

    private static void NoThreadStarts()
    {
        Loops.Run(async loop =>
        {
            (Descriptor one, Descriptor other) = NativeCalls.SocketPair();
            using DescriptorStream left = new(loop, one);
            using DescriptorStream right = new(loop, other);
            int before = Directory.GetDirectories("/proc/self/task").Length;
            Task<int> read = left.ReadAsync(new byte[10]).AsTask().WaitAsync(TimeSpan.FromSeconds(10), loop.Time);
            await Task.Delay(TimeSpan.FromMilliseconds(1), loop.Time);
            await right.WriteAsync("hello"u8.ToArray());
            Assert.Equal(5, await read);
            await loop.RunBlocking("work", static () => { }).WaitAsync(TimeSpan.FromSeconds(10), loop.Time);
            using CancellationTokenSource timeout = new(TimeSpan.FromMilliseconds(1), loop.Time);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                async () => await left.ReadAsync(new byte[1], timeout.Token));
            // The thread of RunBlocking may not have ended yet.
            Assert.InRange(Directory.GetDirectories("/proc/self/task").Length, before, before + 1);
            Assert.Equal(0, ThreadPool.ThreadCount);
        });
    }
}
