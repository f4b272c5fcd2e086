using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;

namespace Linux;

/// <summary>
/// A kind of operation on a descriptor (read, write, accept). The object is its own <see cref="IValueTaskSource"/> and
/// is reused for every operation of its kind, so that waiting allocates nothing. One operation at a time.
/// </summary>
/// <remarks>
/// The system call is tried first; only after EAGAIN the operation waits, and the loop retries it at every edge. A peer
/// that writes without end would never cause one: after some operations in one turn of the loop the next one waits for
/// the next turn, so that others get theirs.
/// Everything happens on the loop's thread, where the awaiting code must resume anyway, so the continuation runs
/// inline. Only a cancellation may come from another thread; it posts itself to the loop.
/// </remarks>
internal abstract class ReadyWait(Readiness readiness, bool isWrite) : IValueTaskSource<int>, IValueTaskSource
{
    private const int MostInOneTurn = 16;

    private enum Phase { Idle, Waiting, Ended }

    private long _turn;
    private int _inThisTurn;

    private Phase _phase;
    private short _version;
    private int _result;
    private ExceptionDispatchInfo? _error;
    private bool _cancelled;
    private CancellationToken _cancellation;
    private CancellationTokenRegistration _registration;
    private Action<object?>? _continuation;
    private object? _continuationState;

    internal bool IsWrite => isWrite;

    /// <summary>Whether an operation is in progress; starting another one is an error.</summary>
    protected bool IsBusy => _phase != Phase.Idle;

    protected Descriptor Descriptor => readiness.Descriptor;

    /// <summary>Makes the system call.</summary>
    /// <returns>False on EAGAIN.</returns>
    protected abstract bool TryComplete(out int result);

    /// <summary>Releases buffers when the operation has ended.</summary>
    protected virtual void Release()
    {
    }

    protected void VerifyIdle()
    {
        readiness.Loop.VerifyAccess();
        ObjectDisposedException.ThrowIf(readiness.Descriptor.IsClosed, readiness.Descriptor);
        if (IsBusy)
            throw new InvalidOperationException(
                $"{readiness.Descriptor}: an operation of this kind is already in progress");
    }

    /// <summary>Starts the operation. Call <see cref="VerifyIdle"/> first.</summary>
    /// <returns>True if it has ended at once, with the result <paramref name="atOnce"/>; otherwise await the source
    /// with <see cref="Version"/>.</returns>
    protected bool Start(out int atOnce, CancellationToken token)
    {
        token.ThrowIfCancellationRequested();
        bool isOverdone = IsOverdone();
        atOnce = 0;
        if (!isOverdone && TryComplete(out atOnce))
        {
            Release();
            return true;
        }
        if (isOverdone)
        {
            readiness.Enter(this);
            readiness.Loop.Post(static self => ((ReadyWait)self!).TakeTurn(), this);
        }
        else
            readiness.Wait(this);
        _phase = Phase.Waiting;
        _cancellation = token;
        _registration = token.UnsafeRegister(static self => ((ReadyWait)self!).CancelFromAnyThread(), this);
        return false;
    }

    protected short Version => _version;

    private bool IsOverdone()
    {
        if (_turn != readiness.Loop.Turn)
            (_turn, _inThisTurn) = (readiness.Loop.Turn, 0);
        return ++_inThisTurn > MostInOneTurn;
    }

    // It may have been cancelled meanwhile, and the next operation started; trying that one again does no harm.
    private void TakeTurn()
    {
        if (_phase == Phase.Waiting)
            Retry();
    }

    internal void Retry()
    {
        try
        {
            if (TryComplete(out int value))
                End(value, null);
            else
                readiness.Wait(this); // one that waited for its turn now waits for the descriptor
        }
        catch (Exception e)
        {
            End(0, e);
        }
    }

    internal void Abort() => End(0, new ObjectDisposedException(nameof(DescriptorStream)));

    private void CancelFromAnyThread()
    {
        if (readiness.Loop.IsCurrent)
            Cancel();
        else
            readiness.Loop.Post(static self => ((ReadyWait)self!).Cancel(), this);
    }

    // When a posted cancellation runs, its operation may have ended and the next one may have started. So check the
    // token of the current one.
    private void Cancel()
    {
        if (_phase != Phase.Waiting || !_cancellation.IsCancellationRequested)
            return;
        _cancelled = true;
        End(0, new OperationCanceledException(_cancellation));
    }

    private void End(int value, Exception? failure)
    {
        readiness.Leave(this);
        _phase = Phase.Ended;
        _result = value;
        _error = failure is null ? null : ExceptionDispatchInfo.Capture(failure);
        _registration.Dispose();
        _registration = default;
        Release();
        if (_continuation is { } resume)
        {
            object? state = _continuationState;
            _continuation = null;
            _continuationState = null;
            resume(state);
        }
    }

    private int Take(short token)
    {
        if (token != _version || _phase != Phase.Ended)
            throw new InvalidOperationException("the operation was awaited twice or has not ended");
        ExceptionDispatchInfo? failure = _error;
        _error = null;
        _cancelled = false;
        _cancellation = default;
        _phase = Phase.Idle;
        _version++;
        failure?.Throw();
        return _result;
    }

    int IValueTaskSource<int>.GetResult(short token) => Take(token);

    void IValueTaskSource.GetResult(short token) => Take(token);

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => Status(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => Status(token);

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token,
        ValueTaskSourceOnCompletedFlags flags) => Continue(continuation, state, token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token,
        ValueTaskSourceOnCompletedFlags flags) => Continue(continuation, state, token);

    private ValueTaskSourceStatus Status(short token)
    {
        if (token != _version)
            throw new InvalidOperationException("the operation was awaited twice");
        if (_phase != Phase.Ended)
            return ValueTaskSourceStatus.Pending;
        if (_error is null)
            return ValueTaskSourceStatus.Succeeded;
        return _cancelled ? ValueTaskSourceStatus.Canceled : ValueTaskSourceStatus.Faulted;
    }

    private void Continue(Action<object?> resume, object? state, short token)
    {
        if (token != _version || _continuation is not null)
            throw new InvalidOperationException("the operation was awaited twice");
        if (_phase == Phase.Ended)
        {
            readiness.Loop.Post(new SendOrPostCallback(resume), state);
            return;
        }
        _continuation = resume;
        _continuationState = state;
    }
}
