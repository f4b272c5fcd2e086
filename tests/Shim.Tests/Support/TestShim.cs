using System.Text.Json.Nodes;
using Linux;
using Shim.Bundles;
using Shim.Configuration;
using Shim.Containers;
using Shim.Io;
using Shim.Logging;

namespace Shim.Tests.Support;

/// <summary>
/// What the shim's parts work with, with a scripted runsc, a clock that the test moves, and recorded events.
/// </summary>
internal sealed class TestShim
{
    private readonly TestLog? _log;
    private readonly TempDirectory? _directory;

    public TestShim(EventLoop loop, ShimLog log)
    {
        Context = new ShimContext
        {
            Namespace = "k8s.io",
            Loop = loop,
            Time = Time,
            Processes = Runsc,
            Stdio = new StdioFactory(loop, Runsc, new BlockingCalls(loop, Time), log),
            Events = Events,
            Log = log,
            Cgroups = CgroupHierarchies.Read(),
            Blocking = new BlockingCalls(loop, Time),
        };
        Creator = new ContainerCreator(Context, Store);
    }

    private TestShim(EventLoop loop, TestLog log, TempDirectory directory) : this(loop, log.Log) =>
        (_log, _directory) = (log, directory);

    public ShimContext Context { get; }

    public ScriptedRunsc Runsc { get; } = new();

    public RecordedEvents Events { get; } = new();

    public FakeTime Time { get; } = new();

    public ContainerStore Store { get; } = new();

    public ContainerCreator Creator { get; }

    /// <summary>The test's directory: <c>bundles/ID</c>, and runsc's root <c>runsc/k8s.io</c>.</summary>
    public TempDirectory Directory => _directory ?? throw new InvalidOperationException($"not in {nameof(Run)}");

    /// <summary>The warnings and errors so far. A test that causes one must look at them.</summary>
    public string[] Warnings => (_log ?? throw new InvalidOperationException($"not in {nameof(Run)}")).Lines;

    /// <summary>Where runsc keeps its records.</summary>
    public string RunscRoot => Directory["runsc/k8s.io"];

    public ShimConfiguration Configuration => ShimConfiguration.Default with
    {
        Root = Directory["runsc"],
        KubeletRoot = Directory["kubelet"],
    };

    /// <summary>Runs a test on an event loop. A warning or error that it does not look at fails it.</summary>
    public static void Run(Func<TestShim, Task> body)
    {
        using TempDirectory directory = new();
        using TestLog log = new();
        log.Log.Configure(ShimConfiguration.Default with { LogLevel = "warn" }, "test", debug: false);
        try
        {
            Loops.Run(loop => body(new TestShim(loop, log, directory)));
        }
        catch
        {
            _ = log.Lines; // the failure of the test comes first
            throw;
        }
    }

    /// <summary>Waits, turn by turn of the loop, until something is so.</summary>
    public static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
            await Task.Yield();
    }

    /// <summary>Lets everything run that can run now, so that a test sees what does not happen.</summary>
    public static async Task SettleAsync()
    {
        for (int turn = 0; turn < 100; turn++)
            await Task.Yield();
    }

    /// <summary>Whether this process has a file or directory open.</summary>
    public static bool IsOpen(string path) => new DirectoryInfo("/proc/self/fd")
        .EnumerateFileSystemInfos().Any(descriptor => descriptor.LinkTarget == path);

    /// <summary>Writes a bundle, as containerd's CRI plugin makes it.</summary>
    /// <param name="id">The container, and its name in the pod if it joins a sandbox.</param>
    /// <param name="sandbox">The sandbox that it joins; null: it is one.</param>
    /// <param name="sharesProcesses">Its PID namespace is the sandbox's.</param>
    /// <param name="annotations">Further annotations.</param>
    public Bundle WriteBundle(string id, string? sandbox = null, bool sharesProcesses = false,
        params (string Name, string Value)[] annotations)
    {
        var bundle = new Bundle(Directory[$"bundles/{id}"]);
        System.IO.Directory.CreateDirectory(bundle.Rootfs);
        var all = new JsonObject
        {
            ["io.kubernetes.cri.container-type"] = sandbox is null ? "sandbox" : "container",
            ["io.kubernetes.cri.sandbox-id"] = sandbox ?? id,
        };
        if (sandbox is not null)
            all["io.kubernetes.cri.container-name"] = id;
        foreach ((string name, string value) in annotations)
            all[name] = value;
        var pid = new JsonObject { ["type"] = "pid" };
        if (sharesProcesses)
            pid["path"] = "/proc/1/ns/pid";
        var spec = new JsonObject
        {
            ["annotations"] = all,
            ["linux"] = new JsonObject { ["namespaces"] = new JsonArray(pid) },
        };
        File.WriteAllText(bundle.Specification, spec.ToJsonString());
        return bundle;
    }

    /// <summary>A request to create a container from a bundle, without streams and mounts.</summary>
    public CreateRequest Request(string id, Bundle bundle) =>
        new(id, bundle, [], new StdioRequest("", "", "", Terminal: false), Configuration);

    /// <summary>A request to create a sandbox, or a container that joins one, in a new bundle.</summary>
    public CreateRequest Request(string id, string? sandbox = null) => Request(id, WriteBundle(id, sandbox));
}
