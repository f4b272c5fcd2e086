namespace Linux;

/// <summary>A binary heap of timers, by due time and then by the order in which they were set. Each timer knows its
/// index, so that setting it again or removing it, as most timeouts are, needs no search. Not synchronized.</summary>
internal sealed class TimerHeap
{
    private LoopTimer[] _heap = new LoopTimer[8];
    private int _count;
    private long _sequence;

    /// <summary>The timer that is due first.</summary>
    internal LoopTimer? First => _count == 0 ? null : _heap[0];

    /// <summary>Sets a timer's due time and inserts it; <see cref="LoopTimer.Never"/> removes it.</summary>
    internal void Set(LoopTimer timer, long due)
    {
        if (timer.Index >= 0)
            Remove(timer);
        timer.Due = due;
        if (due == LoopTimer.Never)
            return;
        timer.Sequence = ++_sequence;
        if (_count == _heap.Length)
            Array.Resize(ref _heap, _count * 2);
        Rise(timer, _count++);
    }

    private void Remove(LoopTimer timer)
    {
        int hole = timer.Index;
        timer.Index = -1;
        LoopTimer last = _heap[--_count];
        _heap[_count] = null!;
        if (last == timer)
            return;
        if (hole > 0 && Earlier(last, _heap[(hole - 1) / 2]))
            Rise(last, hole);
        else
            Sink(last, hole);
    }

    private void Rise(LoopTimer timer, int index)
    {
        while (index > 0 && Earlier(timer, _heap[(index - 1) / 2]))
        {
            Place(_heap[(index - 1) / 2], index);
            index = (index - 1) / 2;
        }
        Place(timer, index);
    }

    private void Sink(LoopTimer timer, int index)
    {
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
                break;
            if (child + 1 < _count && Earlier(_heap[child + 1], _heap[child]))
                child++;
            if (!Earlier(_heap[child], timer))
                break;
            Place(_heap[child], index);
            index = child;
        }
        Place(timer, index);
    }

    private void Place(LoopTimer timer, int index)
    {
        _heap[index] = timer;
        timer.Index = index;
    }

    private static bool Earlier(LoopTimer a, LoopTimer b) =>
        a.Due != b.Due ? a.Due < b.Due : a.Sequence < b.Sequence;
}
