using Linux;
using Shim.Events;
using Shim.Io;
using Shim.Logging;
using Shim.Runsc;

namespace Shim;

/// <summary>What the shim's parts share: one for the whole process, built when the shim starts to serve.</summary>
internal sealed class ShimContext
{
    /// <summary>containerd's namespace, the same for all containers.</summary>
    public required string Namespace { get; init; }

    /// <summary>The event loop, on whose thread everything here is used.</summary>
    public required EventLoop Loop { get; init; }

    /// <summary>The loop's clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Starts child processes and reports their exits.</summary>
    public required IChildProcesses Processes { get; init; }

    /// <summary>Opens the standard streams of processes.</summary>
    public required StdioFactory Stdio { get; init; }

    /// <summary>Receives the events for containerd.</summary>
    public required IEventSink Events { get; init; }

    /// <summary>The log.</summary>
    public required ShimLog Log { get; init; }

    /// <summary>The node's cgroups.</summary>
    public required CgroupHierarchies Cgroups { get; init; }

    /// <summary>Calls that may block.</summary>
    public required BlockingCalls Blocking { get; init; }

    /// <summary>What the installed runsc supports.</summary>
    public RunscFeatures Features { get; } = new();

    /// <summary>The time of day.</summary>
    public DateTimeOffset Now => Time.GetUtcNow();
}
