namespace Shim.Service;

/// <summary>Has the whole heap collected now and then, between calls.</summary>
/// <remarks>
/// The collector looks at young objects often and at old ones when there are megabytes of them. What is alive while an
/// exec runs becomes old, two hundred bytes of it each time, and is garbage when the exec has ended: after ten thousand
/// execs a third of the process. The heap is small, and so is the time that a look at all of it takes.
/// </remarks>
internal sealed class HeapTrimmer
{
    /// <summary>A collection of young objects follows on 256 KiB of allocations, so this is once in 16 MiB.</summary>
    private const int YoungCollections = 64;

    private int _next = YoungCollections;

    /// <summary>A call has ended.</summary>
    public void CallEnded()
    {
        if (GC.CollectionCount(0) < _next)
            return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _next = GC.CollectionCount(0) + YoungCollections;
    }
}
