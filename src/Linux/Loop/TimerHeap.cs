namespace Linux;

/// <summary>A binary heap of timers by due time, then by the order of setting. Each timer knows its index, so that
/// setting one again or removing it, which is how most timeouts end, costs no search. Not synchronised.</summary>
internal sealed class TimerHeap
{
    private LoopTimer[] heap = new LoopTimer[8];
    private int count;
    private long sequence;

    /// <summary>The timer that is due first.</summary>
    internal LoopTimer? First => count == 0 ? null : heap[0];

    /// <summary>Sets a timer's due time, putting it in; <see cref="LoopTimer.Never"/> takes it out.</summary>
    internal void Set(LoopTimer timer, long due)
    {
        if (timer.Index >= 0)
            Remove(timer);
        timer.Due = due;
        if (due == LoopTimer.Never)
            return;
        timer.Sequence = ++sequence;
        if (count == heap.Length)
            Array.Resize(ref heap, count * 2);
        Rise(timer, count++);
    }

    private void Remove(LoopTimer timer)
    {
        int hole = timer.Index;
        timer.Index = -1;
        LoopTimer last = heap[--count];
        heap[count] = null!;
        if (last == timer)
            return;
        if (hole > 0 && Earlier(last, heap[(hole - 1) / 2]))
            Rise(last, hole);
        else
            Sink(last, hole);
    }

    private void Rise(LoopTimer timer, int index)
    {
        while (index > 0 && Earlier(timer, heap[(index - 1) / 2]))
        {
            Place(heap[(index - 1) / 2], index);
            index = (index - 1) / 2;
        }
        Place(timer, index);
    }

    private void Sink(LoopTimer timer, int index)
    {
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= count)
                break;
            if (child + 1 < count && Earlier(heap[child + 1], heap[child]))
                child++;
            if (!Earlier(heap[child], timer))
                break;
            Place(heap[child], index);
            index = child;
        }
        Place(timer, index);
    }

    private void Place(LoopTimer timer, int index)
    {
        heap[index] = timer;
        timer.Index = index;
    }

    private static bool Earlier(LoopTimer a, LoopTimer b) =>
        a.Due != b.Due ? a.Due < b.Due : a.Sequence < b.Sequence;
}
