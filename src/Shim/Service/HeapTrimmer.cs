namespace Shim.Service;

/// <summary>Collects the whole heap now and then, between calls.</summary>
/// <remarks>
/// The collector examines young objects often, and old ones only when there are megabytes of them. What is alive while
/// an exec runs becomes old, some two hundred bytes for each exec, and is garbage when the exec has ended: after ten
/// thousand execs it is a third of the process. The heap is small, so collecting all of it takes little time.
/// </remarks>
internal sealed class HeapTrimmer
{
    /// <summary>Young objects are collected after each 256 KiB of allocations, so this means once in 16 MiB.</summary>
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
