using Containerd.Api.Events;
using Containerd.Api.Types;
using Grpc.Core;
using Shim.Events;
using Shim.Tests.Support;

namespace Shim.Tests.Events;

public sealed class EventPublisherTests : IDisposable
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_flush = TimeSpan.FromSeconds(2);

    private readonly TempDirectory _directory = new();
    private readonly TestLog _log = new();

    private string Address => _directory["containerd.sock.ttrpc"];

    public void Dispose()
    {
        _log.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("")]
    [InlineData("unix://")]
    public void Events_are_sent_in_order_and_one_at_a_time(string scheme)
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using FakeContainerd containerd = new(loop, Address);
            await using EventPublisher publisher = new(scheme + Address, "k8s.io", time, _log.Log);
            string[] ids = [.. Enumerable.Range(0, 40).Select(i => $"c{i}")];
            Publish(publisher, ids);
            await publisher.FlushAsync(s_flush);
            Assert.Equal(ids, containerd.TakenIds);
            Assert.Equal(1, containerd.MostAtOnce);

            // After a pause the publisher uses the same connection.
            Publish(publisher, "late");
            await publisher.FlushAsync(s_flush);
            Assert.Equal([.. ids, "late"], containerd.TakenIds);
        });
    }

    [Fact]
    public void An_event_has_a_topic_a_time_and_a_namespace()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using FakeContainerd containerd = new(loop, Address);
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            publisher.Publish(TaskEvents.Started("web", 7));
            await publisher.FlushAsync(s_flush);
            Envelope envelope = Assert.Single(containerd.Taken);
            Assert.Equal("/tasks/start", envelope.Topic);
            Assert.Equal("k8s.io", envelope.Namespace);
            Assert.Equal(time.GetUtcNow(), envelope.Timestamp.ToDateTimeOffset());
            Assert.Equal("containerd.events.TaskStart", envelope.Event.TypeUrl);
            Assert.Equal(
                new TaskStart { ContainerId = "web", Pid = 7 }, TaskStart.Parser.ParseFrom(envelope.Event.Value));
        });
    }

    [Fact]
    public void A_containerd_that_starts_later_gets_the_events_in_order()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b");
            await time.UntilAwaitedAsync(s_firstPause);
            time.Advance(s_firstPause);
            await time.UntilAwaitedAsync(s_firstPause * 2);
            Publish(publisher, "c");
            await using FakeContainerd containerd = new(loop, Address);
            time.Advance(s_firstPause * 2);
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["a", "b", "c"], containerd.TakenIds);
            Assert.Equal(1, containerd.MostAtOnce);
            Assert.All(_log.Lines, line => Assert.StartsWith(
                "level=warning msg=\"event not sent; retrying\" topic=/tasks/start", line, StringComparison.Ordinal));
            Assert.Equal(2, _log.Lines.Length);
        });
    }

    [Fact]
    public void An_unexpected_exception_loses_no_event()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            FailingTime failing = new(time);
            await using FakeContainerd containerd = new(loop, Address);
            await using EventPublisher publisher = new(Address, "k8s.io", failing, _log.Log);
            failing.IsFailing = true;
            TimeSpan pause = s_firstPause;
            Publish(publisher, "a");
            for (int failure = 0; failure < 7; failure++)
            {
                await time.UntilAwaitedAsync(pause);
                failing.IsFailing = failure < 6;
                time.Advance(pause);
                pause *= 2;
            }
            Publish(publisher, "b");
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["a", "b"], containerd.TakenIds);
            Assert.Equal(7, _log.Lines.Length);
        });
    }

    [Fact]
    public void A_containerd_that_dies_during_an_event_gets_only_that_event_again()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            FakeContainerd first = new(loop, Address);
            TaskCompletionSource dying = new();
            first.OnForward = async id =>
            {
                if (id != "b")
                    return;
                dying.SetResult();
                await new TaskCompletionSource().Task;
            };
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b", "c");
            await dying.Task;
            await first.DisposeAsync();
            Assert.Equal(["a"], first.TakenIds);

            await time.UntilAwaitedAsync(s_firstPause);
            await using FakeContainerd second = new(loop, Address);
            time.Advance(s_firstPause);
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["b", "c"], second.TakenIds);
            Assert.Single(_log.Lines);
        });
    }

    [Fact]
    public void A_containerd_that_restarts_between_two_events_gets_the_second()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            await using (FakeContainerd first = new(loop, Address))
            {
                Publish(publisher, "a");
                await publisher.FlushAsync(s_flush);
                Assert.Equal(["a"], first.TakenIds);
            }
            await using FakeContainerd second = new(loop, Address);
            Publish(publisher, "b");
            await time.UntilAwaitedAsync(s_firstPause);
            time.Advance(s_firstPause);
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["b"], second.TakenIds);
            Assert.Single(_log.Lines);
        });
    }

    [Fact]
    public void An_event_without_an_answer_is_sent_again()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using FakeContainerd containerd = new(loop, Address);
            TaskCompletionSource asked = new();
            containerd.OnForward = async _ =>
            {
                if (asked.TrySetResult())
                    await new TaskCompletionSource().Task;
            };
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b");
            await asked.Task;
            time.Advance(TimeSpan.FromSeconds(5));
            await time.UntilAwaitedAsync(s_firstPause);
            time.Advance(s_firstPause);
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["a", "b"], containerd.TakenIds);
            Assert.Single(_log.Lines);
        });
    }

    [Fact]
    public void A_rejected_event_is_dropped_and_the_next_is_sent()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using FakeContainerd containerd = new(loop, Address);
            containerd.OnForward = id => id == "b"
                ? throw new RpcException(new Status(StatusCode.InvalidArgument, "no such topic"))
                : Task.CompletedTask;
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b", "c");
            await publisher.FlushAsync(s_flush);
            Assert.Equal(["a", "c"], containerd.TakenIds);
            string line = Assert.Single(_log.Lines);
            Assert.StartsWith(
                "level=error msg=\"event rejected by containerd; dropped\" topic=/tasks/start", line,
                StringComparison.Ordinal);
            Assert.Contains("no such topic", line, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Pauses_grow_to_ten_seconds_and_are_reset_after_a_success()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b");
            foreach (int milliseconds in (int[])[100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
            {
                TimeSpan pause = TimeSpan.FromMilliseconds(milliseconds);
                await time.UntilAwaitedAsync(pause);
                time.Advance(pause);
            }
            await time.UntilAwaitedAsync(TimeSpan.FromSeconds(10));
            TaskCompletionSource second = new();
            await using (FakeContainerd containerd = new(loop, Address))
            {
                containerd.OnForward = async id =>
                {
                    if (id != "b")
                        return;
                    second.SetResult();
                    await new TaskCompletionSource().Task;
                };
                time.Advance(TimeSpan.FromSeconds(10));
                await second.Task;
                Assert.Equal(["a"], containerd.TakenIds);
            }
            await time.UntilAwaitedAsync(s_firstPause);
            Assert.Equal(11, _log.Lines.Length);
        });
    }

    [Fact]
    public void Without_an_address_events_are_dropped_without_a_log_line()
    {
        Loops.Run(async loop =>
        {
            await using EventPublisher publisher = new("", "k8s.io", new FakeTime(), _log.Log);
            Publish(publisher, "a", "b");
            Assert.True(publisher.FlushAsync(s_flush).IsCompletedSuccessfully);
        });
    }

    [Fact]
    public void FlushAsync_gives_up_in_time_and_logs_the_number_of_lost_events()
    {
        Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a", "b");
            Task flush = publisher.FlushAsync(s_flush);
            await time.UntilAwaitedAsync(s_flush);
            await time.UntilAwaitedAsync(s_firstPause);
            time.Advance(s_flush - TimeSpan.FromTicks(1));
            await Task.Yield();
            Assert.False(flush.IsCompleted);
            time.Advance(TimeSpan.FromTicks(1));
            await flush;
            Assert.Equal(
                "level=error msg=\"events dropped: containerd did not accept them in time\" count=2",
                _log.Lines[^1]);
        });
    }

    [Fact]
    public void No_descriptor_stays_open()
    {
        OpenDescriptors.AssertNoneLeftBy(() => Loops.Run(async loop =>
        {
            FakeTime time = new();
            await using FakeContainerd containerd = new(loop, Address);
            EventPublisher publisher = new(Address, "k8s.io", time, _log.Log);
            Publish(publisher, "a");
            await publisher.FlushAsync(s_flush);
            await publisher.DisposeAsync();
        }));
    }

    private static void Publish(EventPublisher publisher, params string[] ids)
    {
        foreach (string id in ids)
            publisher.Publish(TaskEvents.Started(id, 0));
    }

    /// <summary>A clock that can fail in a way that nobody expects, once an event is in the queue.</summary>
    private sealed class FailingTime(FakeTime time) : TimeProvider
    {
        private int _reads;

        public bool IsFailing { get; set; }

        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => IsFailing && _reads++ > 0
            ? throw new InvalidTimeZoneException("the clock is broken") : time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            time.CreateTimer(callback, state, dueTime, period);
    }
}
