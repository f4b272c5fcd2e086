using System.Buffers;

namespace Ttrpc.Tests.Support;

/// <summary>
/// A pool that tracks its rented buffers, and overwrites returned ones so that a use after return is noticed.
/// </summary>
internal sealed class CountingPool : ArrayPool<byte>
{
    private readonly Lock _gate = new();
    private readonly HashSet<byte[]> _lent = new(ReferenceEqualityComparer.Instance);
    private TaskCompletionSource? _allReturned;

    public int Lent
    {
        get
        {
            lock (_gate)
                return _lent.Count;
        }
    }

    public int Rented { get; private set; }

    public int Largest { get; private set; }

    /// <summary>
    /// Waits until all buffers are returned: a handler may still hold its response when the connection has closed, and
    /// a writer its frame when the peer has read it.
    /// </summary>
    public Task AllReturnedAsync()
    {
        lock (_gate)
        {
            if (_lent.Count == 0)
                return Task.CompletedTask;
            _allReturned ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _allReturned.Task;
        }
    }

    public override byte[] Rent(int minimumLength)
    {
        byte[] buffer = new byte[minimumLength];
        lock (_gate)
        {
            _lent.Add(buffer);
            Rented++;
            Largest = Math.Max(Largest, minimumLength);
        }

        return buffer;
    }

    public override void Return(byte[] array, bool clearArray = false)
    {
        lock (_gate)
        {
            if (!_lent.Remove(array))
                throw new InvalidOperationException("buffer returned twice, or not rented here");
            if (_lent.Count == 0)
            {
                _allReturned?.SetResult();
                _allReturned = null;
            }
        }

        array.AsSpan().Fill(0xee);
    }
}
