using System.Diagnostics;
using System.Text.Json.Nodes;
using Containerd.Api.Events;
using Containerd.Api.Tasks;
using Containerd.Api.Types;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc;
using EventsApi = Containerd.Api.Events.Events;
using Task = System.Threading.Tasks.Task;
using TaskApi = Containerd.Api.Tasks.Task;

namespace Testing;

/// <summary>
/// A shim on a socket of its own, with a bundle to create a container from, and the test in containerd's place: it
/// calls the task service and takes the events.
/// </summary>
public sealed class ShimHarness : IAsyncDisposable
{
    private readonly Process _process;
    private readonly TtrpcServer _containerd;
    private readonly TtrpcSocketListener _listener;
    private readonly EventSink _events;

    private ShimHarness(string directory, Process process, TtrpcServer containerd, TtrpcSocketListener listener, EventSink events)
    {
        Directory = directory;
        _process = process;
        _containerd = containerd;
        _listener = listener;
        _events = events;
    }

    public string Directory { get; }

    public string Bundle => BundleOf("c");

    public string Socket => Path.Combine(Directory, "shim.sock");

    public string RunscRoot => Path.Combine(Directory, "runsc");

    public int Pid => _process.Id;

    public Task Exited => _process.WaitForExitAsync();

    public int ExitCode => _process.ExitCode;

    public TtrpcChannel Channel { get; private set; } = null!;

    public TaskApi.TaskClient Tasks => new(Channel);

    /// <summary>What the shim wrote to its log.</summary>
    public string Log => File.ReadAllText(Path.Combine(Directory, "log"));

    /// <summary>Names the configuration that is written for every harness.</summary>
    public Any Options => new()
    {
        TypeUrl = "runtimeoptions.v1.Options",
        Value = Google.Protobuf.MessageExtensions.ToByteString(
            new Containerd.Api.RuntimeOptions.Options { ConfigPath = Path.Combine(Directory, "runsc.toml") }),
    };

    /// <summary>The files of pods' volumes, as a kubelet keeps them.</summary>
    public string KubeletRoot => Path.Combine(Directory, "kubelet");

    /// <param name="shimLines">More lines of the shim's configuration; <c>DIR</c> stands for the harness's directory.</param>
    /// <param name="runsc">Another runsc than Debian's.</param>
    public static async Task<ShimHarness> StartAsync(string shimLines = "", string? runsc = null)
    {
        if (!File.Exists(Tools.Runsc))
            Assert.Skip("runsc is not here: ./build.sh tools");
        string directory = System.IO.Directory.CreateTempSubdirectory("shim-harness-").FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "runsc.toml"), $"""
            binary_name = "{runsc ?? Tools.Runsc}"
            root = "{directory}/runsc"
            kubelet_root = "{directory}/kubelet"
            {shimLines.Replace("DIR", directory, StringComparison.Ordinal)}
            [runsc_config]
            network = "none"
            """);
        var events = new EventSink();
        var services = new TtrpcServices();
        EventsApi.BindService(services, events);
        var containerd = new TtrpcServer(services);
        var listener = TtrpcSocketListener.Listen(Path.Combine(directory, "containerd.ttrpc"));
        _ = containerd.RunAsync(listener);
        string bundle = System.IO.Directory.CreateDirectory(Path.Combine(directory, "c")).FullName;
        Process process = Command.Start("/bin/sh",
            ["-c", "exec \"$0\" \"$@\" 2>>\"$LOG\" >/dev/null </dev/null", Tools.Shim, "-namespace", "test", "-id", "c",
                "-debug", "-bundle", bundle, "-socket", Path.Combine(directory, "shim.sock")],
            environment: new Dictionary<string, string>
            {
                ["TTRPC_ADDRESS"] = Path.Combine(directory, "containerd.ttrpc"),
                ["LOG"] = Path.Combine(directory, "log"),
            });
        var harness = new ShimHarness(directory, process, containerd, listener, events);
        try
        {
            harness.WriteBundle("c", ["sleep", "1000"]);
            await Eventually.TrueAsync("the shim listens", () => File.Exists(harness.Socket) && Linux.UnixSocket.IsListening(harness.Socket));
            harness.Channel = await TtrpcChannel.ConnectAsync(harness.Socket);
            return harness;
        }
        catch
        {
            await harness.DisposeAsync();
            throw;
        }
    }

    public string BundleOf(string id) => Path.Combine(Directory, id);

    /// <summary>Writes a bundle with busybox as its root file system.</summary>
    public void WriteBundle(string id, string[] command, Action<JsonObject>? change = null)
    {
        string bin = System.IO.Directory.CreateDirectory(Path.Combine(BundleOf(id), "rootfs/bin")).FullName;
        File.Copy(Path.Combine(Tools.Directory, "busybox/bin/busybox"), Path.Combine(bin, "busybox"), overwrite: true);
        foreach (string applet in (string[])["sh", "sleep", "echo", "true", "cat", "dd", "tail", "head", "touch"])
            if (!File.Exists(Path.Combine(bin, applet)))
                File.CreateSymbolicLink(Path.Combine(bin, applet), "busybox");
        System.IO.Directory.CreateDirectory(Path.Combine(BundleOf(id), "rootfs/tmp"));
        var spec = new JsonObject
        {
            ["ociVersion"] = "1.0.2",
            ["process"] = ProcessOf(command),
            ["root"] = new JsonObject { ["path"] = "rootfs" },
            ["mounts"] = new JsonArray(
                new JsonObject { ["destination"] = "/proc", ["type"] = "proc", ["source"] = "proc" },
                new JsonObject { ["destination"] = "/dev", ["type"] = "tmpfs", ["source"] = "tmpfs" }),
            ["linux"] = new JsonObject
            {
                ["cgroupsPath"] = $"/shim-harness/{Path.GetFileName(Directory)}-{id}",
                ["namespaces"] = new JsonArray(
                    [.. ((string[])["pid", "ipc", "uts", "mount", "network"]).Select(type => new JsonObject { ["type"] = type })]),
            },
        };
        change?.Invoke(spec);
        File.WriteAllText(Path.Combine(BundleOf(id), "config.json"), spec.ToJsonString());
    }

    /// <summary>An OCI process.</summary>
    private static JsonObject ProcessOf(params string[] command) => new()
    {
        ["user"] = new JsonObject { ["uid"] = 0, ["gid"] = 0 },
        ["args"] = new JsonArray([.. command.Select(part => (JsonNode)part)]),
        ["env"] = new JsonArray("PATH=/bin"),
        ["cwd"] = "/",
    };

    /// <summary>Makes a further process, which is still to be started.</summary>
    public AsyncUnaryCall<Empty> ExecAsync(string id, string execId, params string[] command) =>
        Tasks.ExecAsync(new ExecProcessRequest
        {
            Id = id,
            ExecId = execId,
            Spec = OciProcess.ToAny(ProcessOf(command).ToJsonString()),
        });

    /// <summary>Makes and starts the container of a bundle.</summary>
    public async Task RunAsync(string id, string? bundle = null)
    {
        await Tasks.CreateAsync(new CreateTaskRequest { Id = id, Bundle = bundle ?? BundleOf(id), Options = Options });
        await Tasks.StartAsync(new StartRequest { Id = id });
    }

    /// <summary>The events that arrived so far: topic, and the message's bytes.</summary>
    public IReadOnlyList<Envelope> Events => _events.Snapshot();

    /// <summary>The topics, once there are that many.</summary>
    public async Task<string[]> TopicsAsync(int count)
    {
        await Eventually.TrueAsync($"{count} events", () => Events.Count >= count);
        return [.. Events.Select(envelope => envelope.Topic)];
    }

    /// <summary>Requires that runsc has nothing, and no process of it runs.</summary>
    public void AssertNothingLeft()
    {
        Assert.DoesNotContain(Processes.Mentioning(Directory),
            static pid => Processes.CommandLine(pid).StartsWith("runsc", StringComparison.Ordinal));
        string root = Path.Combine(RunscRoot, "test");
        Assert.Empty(System.IO.Directory.Exists(root) ? System.IO.Directory.GetFileSystemEntries(root) : []);
    }

    public async ValueTask DisposeAsync()
    {
        if (Channel is not null)
            await Channel.DisposeAsync();
        foreach (int pid in Processes.Mentioning(Directory))
            Linux.Signals.Send(pid, Linux.Signals.SIGKILL);
        await Eventually.TrueAsync($"processes of {Directory} are gone", () => Processes.Mentioning(Directory).Count == 0);
        await _containerd.DisposeAsync();
        _listener.Dispose();
        _process.Dispose();
        Linux.Mounts.UnmountAll(Directory);
        System.IO.Directory.Delete(Directory, recursive: true);
        // The unified hierarchy is at the top itself, or one of those below it.
        foreach (string hierarchy in System.IO.Directory.EnumerateDirectories("/sys/fs/cgroup").Prepend("/sys/fs/cgroup"))
            await Eventually.TrueAsync($"the cgroups in {hierarchy} are empty", () => RemovedCgroups(Path.Combine(hierarchy, "shim-harness")));
    }

    /// <summary>A cgroup is busy until the last of the killed processes is reaped, by whoever inherited it.</summary>
    private bool RemovedCgroups(string parent)
    {
        if (!System.IO.Directory.Exists(parent))
            return true;
        try
        {
            foreach (string mine in System.IO.Directory.EnumerateDirectories(parent, $"{Path.GetFileName(Directory)}-*"))
                System.IO.Directory.Delete(mine);
            // Another harness may be at work.
            if (!System.IO.Directory.EnumerateDirectories(parent).Any())
                System.IO.Directory.Delete(parent);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private sealed class EventSink : EventsApi.EventsBase
    {
        private readonly List<Envelope> _envelopes = [];

        public override Task<Empty> Forward(ForwardRequest request, ServerCallContext context)
        {
            lock (_envelopes)
                _envelopes.Add(request.Envelope);
            return Task.FromResult(new Empty());
        }

        public IReadOnlyList<Envelope> Snapshot()
        {
            lock (_envelopes)
                return [.. _envelopes];
        }
    }
}
