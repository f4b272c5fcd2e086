using Containerd.Api.Events;
using Containerd.Api.Types;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Linux;
using Shim.Logging;
using Ttrpc;

namespace Shim.Events;

/// <summary>Sends events to containerd, in order and one at a time, and keeps what it cannot send for later.</summary>
/// <remarks>
/// <see cref="Publish"/> only appends an event to the queue, so events are sent in the order of the calls. The sender
/// removes an event from the queue when containerd has accepted it, so a containerd that restarts gets it afterwards.
/// An event that containerd rejects, as opposed to one that does not reach it, is dropped: it would be rejected again.
/// </remarks>
internal sealed class EventPublisher : IEventSink, IAsyncDisposable
{
    /// <summary>
    /// The maximum number of waiting events, of some hundred bytes each; beyond it the oldest are dropped.
    /// </summary>
    private const int QueueLimit = 16384;

    /// <summary>How often one event may fail in a way that nobody thought of.</summary>
    private const int MostUnexpected = 8;

    private static readonly TimeSpan s_sendBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(10);

    private readonly Queue<Envelope> _queue = new();
    private readonly string _path;
    private readonly string _namespace;
    private readonly TimeProvider _time;
    private readonly ShimLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _stopped = LoopTask.NewSource();
    private TtrpcChannel? _channel;
    private Task _sending = Task.CompletedTask;

    /// <summary>Creates a publisher, which connects when there is something to send.</summary>
    /// <param name="address">
    /// containerd's ttrpc socket (<c>TTRPC_ADDRESS</c>); empty: nobody listens, and events are dropped.
    /// </param>
    /// <param name="namespace">The namespace of all events.</param>
    /// <param name="time">The loop's clock.</param>
    /// <param name="log">The log.</param>
    public EventPublisher(string address, string @namespace, TimeProvider time, ShimLog log)
    {
        const string Scheme = "unix://";
        _path = address.StartsWith(Scheme, StringComparison.Ordinal) ? address[Scheme.Length..] : address;
        _namespace = @namespace;
        _time = time;
        _log = log;
    }

    /// <inheritdoc/>
    public void Publish(TaskEvent taskEvent)
    {
        if (_path.Length == 0)
            return;
        if (_queue.Count == QueueLimit)
        {
            _queue.Dequeue();
            _log.EventsDropped(1);
        }
        _queue.Enqueue(new Envelope
        {
            Timestamp = Timestamp.FromDateTimeOffset(_time.GetUtcNow()),
            Namespace = _namespace,
            Topic = taskEvent.Topic,
            Event = taskEvent.Pack(),
        });
        if (_sending.IsCompleted)
            _sending = SendAllAsync();
    }

    /// <summary>Waits until all events are sent, or until the time is over; then the rest is lost.</summary>
    /// <param name="bound">How long to wait.</param>
    public async Task FlushAsync(TimeSpan bound)
    {
        try
        {
            await _sending.WaitAsync(bound, _time);
        }
        catch (TimeoutException)
        {
            _log.EventsDropped(_queue.Count);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // Not CancelAsync, which would start the thread pool.
        _stopped.TrySetResult();
        _stop.Cancel();
        await _sending.ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await DropChannelAsync();
        _stop.Dispose();
    }

    private async Task SendAllAsync()
    {
        TimeSpan pause = s_firstPause;
        int unexpected = 0;
        while (_queue.TryPeek(out Envelope? first))
        {
            try
            {
                await SendAsync(first);
            }
            catch (RpcException e) when (!MayPass(e.StatusCode))
            {
                _log.EventRejected(first.Topic, e);
            }
            catch (Exception e) when (IsKnown(e) || ++unexpected < MostUnexpected)
            {
                if (_stop.IsCancellationRequested)
                    return;
                await DropChannelAsync();
                _log.EventSendFailed(first.Topic, e, pause);
                if (await LoopTask.AnyWithinAsync(pause, _time, _stopped.Task))
                    return;
                pause = Backoff.Next(pause, s_longestPause);
                continue;
            }
            catch (Exception e)
            {
                // It would keep the others waiting for ever.
                await DropChannelAsync();
                _log.EventRejected(first.Topic, e);
            }
            unexpected = 0;
            // The queue may have dropped it in the meantime to stay within its limit.
            if (_queue.TryPeek(out Envelope? stillFirst) && ReferenceEquals(first, stillFirst))
                _queue.Dequeue();
            pause = s_firstPause;
        }
    }

    private static bool IsKnown(Exception e) => e is RpcException or IOException or TimeoutException;

    private async Task SendAsync(Envelope envelope)
    {
        if (_channel is null)
        {
            UnixConnection connection = await ConnectAsync();
            _channel = new TtrpcChannel(connection.Stream, new TtrpcChannelOptions { TimeProvider = _time });
        }
        var client = new Containerd.Api.Events.Events.EventsClient(_channel);
        DateTime deadline = (_time.GetUtcNow() + s_sendBound).UtcDateTime;
        await client.ForwardAsync(
            new ForwardRequest { Envelope = envelope }, deadline: deadline, cancellationToken: _stop.Token);
    }

    private async Task<UnixConnection> ConnectAsync()
    {
        using CancellationTokenSource bound = new(s_sendBound, _time);
        using CancellationTokenSource either =
            CancellationTokenSource.CreateLinkedTokenSource(bound.Token, _stop.Token);
        try
        {
            return await UnixSocket.ConnectAsync(_path, either.Token);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            throw new TimeoutException($"connect to {_path}: timed out after {s_sendBound.TotalSeconds:0} s");
        }
    }

    /// <summary>Whether a retry may succeed: containerd was not reached, or did not answer.</summary>
    private static bool MayPass(StatusCode code) =>
        code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled;

    private async Task DropChannelAsync()
    {
        if (_channel is { } channel)
        {
            _channel = null;
            try
            {
                await channel.DisposeAsync();
            }
            catch (Exception e)
            {
                _log.Unexpected(e); // the events wait
            }
        }
    }
}
