using Linux;
using Shim.Io;
using Shim.Logging;

namespace Shim.Tests.Support;

/// <summary>
/// What the shim's parts work with, with a scripted runsc, a clock that the test moves, and recorded events.
/// </summary>
internal sealed class TestShim
{
    public TestShim(EventLoop loop, ShimLog log)
    {
        Context = new ShimContext
        {
            Namespace = "k8s.io",
            Loop = loop,
            Time = Time,
            Processes = Runsc,
            Stdio = new StdioFactory(loop, Runsc, log),
            Events = Events,
            Log = log,
            Cgroups = CgroupHierarchies.Read(),
            Blocking = new BlockingCalls(loop, Time),
        };
    }

    public ShimContext Context { get; }

    public ScriptedRunsc Runsc { get; } = new();

    public RecordedEvents Events { get; } = new();

    public FakeTime Time { get; } = new();
}
