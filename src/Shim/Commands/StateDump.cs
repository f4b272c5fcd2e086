using Shim.Containers;
using Shim.Logging;

namespace Shim.Commands;

/// <summary>The answer to SIGUSR1: one log line for the shim and one for each container.</summary>
internal static class StateDump
{
    public static void Write(ContainerStore store, ShimLog log)
    {
        log.State($"{store.Count} containers, {GC.GetTotalMemory(forceFullCollection: false) >> 10} KiB heap, "
            + $"{GC.GetTotalAllocatedBytes()} bytes allocated since start, {GC.CollectionCount(0)} collections");
        foreach (Container container in store.All)
            log.State(
                $"{container.Init}: {ProcessLifecycle.NameOf(container.Init.State)}, "
                + $"sandbox {container.Sandbox.Id} (pid {container.Sandbox.Pid})"
                + (container.IsBeingRestored ? $" {container.Sandbox.Restore!.Reason}" : "")
                + $", {container.ExecCount} execs, bundle {container.Bundle.Path}");
    }
}
