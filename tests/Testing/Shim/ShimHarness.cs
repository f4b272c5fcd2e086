using System.Diagnostics;
using System.Text.Json.Nodes;
using Containerd.Api.Tasks;
using Containerd.Api.Types;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ttrpc;
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
    private readonly EventSink _events;

    private ShimHarness(string directory, Process process, EventSink events)
    {
        Directory = directory;
        _process = process;
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

    /// <param name="shimLines">More lines of the shim's configuration; <c>DIR</c> stands for the harness's
    /// directory.</param>
    /// <param name="runsc">Another runsc than Debian's.</param>
    public static async Task<ShimHarness> StartAsync(string shimLines = "", string? runsc = null)
    {
        Requires.Root("running containers");
        Requires.Tool("runsc", Tools.Runsc);
        string directory = System.IO.Directory.CreateTempSubdirectory("shim-harness-").FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "runsc.toml"), $"""
            binary_name = "{runsc ?? Tools.Runsc}"
            root = "{directory}/runsc"
            kubelet_root = "{directory}/kubelet"
            {shimLines.Replace("DIR", directory, StringComparison.Ordinal)}
            [runsc_config]
            network = "none"
            """);
        var events = new EventSink(Path.Combine(directory, "containerd.ttrpc"));
        string bundle = System.IO.Directory.CreateDirectory(Path.Combine(directory, "c")).FullName;
        Process process = Command.Start("/bin/sh",
            ["-c", "exec \"$0\" \"$@\" 2>>\"$LOG\" >/dev/null </dev/null", Tools.Shim, "-namespace", "test", "-id", "c",
                "-debug", "-bundle", bundle, "-socket", Path.Combine(directory, "shim.sock")],
            environment: new Dictionary<string, string>
            {
                ["TTRPC_ADDRESS"] = Path.Combine(directory, "containerd.ttrpc"),
                ["LOG"] = Path.Combine(directory, "log"),
                ["PATH"] = $"{Tools.FileSystemsPath}:{Environment.GetEnvironmentVariable("PATH")}",
                ["LD_LIBRARY_PATH"] = Tools.LibraryPath,
            });
        var harness = new ShimHarness(directory, process, events);
        try
        {
            harness.WriteBundle("c", ["sleep", "1000"]);
            await Eventually.TrueAsync("the shim listens", () => File.Exists(harness.Socket)
                && Linux.UnixSocket.IsListening(harness.Socket));
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

    /// <summary>Writes a bundle with busybox as its root file system, and with a cgroup of this harness.</summary>
    public void WriteBundle(string id, string[] command, Action<JsonObject>? change = null) =>
        BusyboxBundle.Write(BundleOf(id), command, spec =>
        {
            spec["linux"]!["cgroupsPath"] = $"/{Path.GetFileName(Directory)}/{id}";
            change?.Invoke(spec);
        });

    /// <summary>Makes a further process, which is still to be started.</summary>
    public AsyncUnaryCall<Empty> ExecAsync(string id, string execId, params string[] command) =>
        Tasks.ExecAsync(new ExecProcessRequest
        {
            Id = id,
            ExecId = execId,
            Spec = OciProcess.ToAny(OciProcess.Of(command).ToJsonString()),
        });

    /// <summary>Makes and starts the container of a bundle.</summary>
    public async Task RunAsync(string id, string? bundle = null)
    {
        await Tasks.CreateAsync(new CreateTaskRequest { Id = id, Bundle = bundle ?? BundleOf(id), Options = Options });
        await Tasks.StartAsync(new StartRequest { Id = id });
    }

    /// <summary>The events that arrived so far: topic, and the message's bytes.</summary>
    public IReadOnlyList<Envelope> Events => _events.Taken;

    /// <summary>Awaited before an event is taken.</summary>
    public Func<Envelope, Task>? OnEvent
    {
        set => _events.OnForward = value;
    }

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
        Assert.Empty(Testing.RunscRoot.Entries(Path.Combine(RunscRoot, "test")));
    }

    public async ValueTask DisposeAsync()
    {
        if (Channel is not null)
            await Channel.DisposeAsync();
        Processes.Kill(Directory);
        await Eventually.TrueAsync($"processes of {Directory} are gone",
            () => Processes.Mentioning(Directory).Count == 0);
        await _events.DisposeAsync();
        _process.Dispose();
        Linux.Mounts.UnmountAll(Directory);
        System.IO.Directory.Delete(Directory, recursive: true);
        // The unified hierarchy is at the top itself, or one of those below it.
        foreach (string hierarchy in System.IO.Directory.EnumerateDirectories("/sys/fs/cgroup")
            .Prepend("/sys/fs/cgroup"))
            await Eventually.TrueAsync($"the cgroups in {hierarchy} are empty",
                () => RemovedCgroups(Path.Combine(hierarchy, Path.GetFileName(Directory))));
    }

    /// <summary>A cgroup is busy until the last killed process is reaped by the process that inherited it.</summary>
    private static bool RemovedCgroups(string parent)
    {
        if (!System.IO.Directory.Exists(parent))
            return true;
        try
        {
            foreach (string cgroup in System.IO.Directory.EnumerateDirectories(parent))
                System.IO.Directory.Delete(cgroup);
            System.IO.Directory.Delete(parent);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
