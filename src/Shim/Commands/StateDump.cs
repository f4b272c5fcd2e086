using Shim.Containers;
using Shim.Logging;

namespace Shim.Commands;

/// <summary>What SIGUSR1 asks for: a line in the log for each container.</summary>
internal static class StateDump
{
    public static void Write(ContainerStore store, ShimLog log)
    {
        log.State($"{store.Count} containers, {GC.GetTotalMemory(forceFullCollection: false) >> 10} KiB heap, "
            + $"{GC.GetTotalAllocatedBytes()} bytes allocated since it began, {GC.CollectionCount(0)} collections");
        foreach (Container container in store.All)
            log.State($"{container.Init}: {ProcessLifecycle.NameOf(container.Init.State)}, sandbox {container.Sandbox.Id} "
                + (container.IsBeingRestored ? $"{container.Sandbox.Restore!.Reason}, " : "")
                + $"(pid {container.Sandbox.Pid}), {container.ExecCount} execs, bundle {container.Bundle.Path}");
    }
}
