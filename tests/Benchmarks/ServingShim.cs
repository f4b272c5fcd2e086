using System.Diagnostics;
using System.Text.Json.Nodes;
using Containerd.Api.Tasks;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Linux;
using Testing;
using Ttrpc;
using Task = System.Threading.Tasks.Task;
using TaskApi = Containerd.Api.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// A shim that was started as containerd starts it, in a bundle of its own, and is called as containerd calls it.
/// </summary>
internal sealed class ServingShim : IAsyncDisposable
{
    private static readonly TimeSpan s_callBound = TimeSpan.FromSeconds(60);

    private readonly Session _session;
    private readonly ShimProgram _program;
    private readonly string _directory;
    private readonly FifoReader _log;
    private TtrpcChannel? _channel;

    /// <summary>A shim that is still to be started.</summary>
    /// <param name="session">The run that it is a part of.</param>
    /// <param name="program">What is started.</param>
    /// <param name="directory">A directory of its own.</param>
    /// <param name="id">The container that it is started for.</param>
    /// <param name="bundle">That container's bundle, below the directory.</param>
    public ServingShim(Session session, ShimProgram program, string directory, string id, string bundle)
    {
        (_session, _program, _directory, Id, Bundle) = (session, program, directory, id, bundle);
        _log = new FifoReader(Path.Combine(Bundle, "log"));
    }

    public string Id { get; }

    public string Bundle { get; }

    /// <summary>The socket that it serves on.</summary>
    public string Socket { get; private set; } = "";

    /// <summary>The name of the task service that containerd would call.</summary>
    public string ServiceName { get; private set; } = "";

    /// <summary>
    /// How long <c>start</c> took: from before it was spawned until it had ended and its answer was read.
    /// </summary>
    public TimeSpan StartTime { get; private set; }

    public TaskApi.TaskClient Tasks { get; private set; } = null!;

    /// <summary>
    /// For each container that was killed: the time from the answer to Kill until its exit was known, in ms.
    /// </summary>
    public List<double> ExitTimes { get; } = [];

    /// <summary>The serving process.</summary>
    public int Pid =>
        Processes.Mentioning(Mark).Single(pid =>
            Processes.CommandLine(pid).StartsWith(_program.Binary, StringComparison.Ordinal));

    /// <summary>Its children at this moment: the sandbox's processes, and helpers if it has some.</summary>
    public IReadOnlyList<int> Children => ProcFs.Children(Pid);

    /// <summary>What every call is made with.</summary>
    public CallOptions Bounded =>
        new(deadline: DateTime.UtcNow + s_callBound, cancellationToken: _session.Cancellation);

    public static async Task<ServingShim> StartAsync(Session session, ShimProgram program)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        string id = session.NewId();
        string directory = Directory.CreateDirectory(Path.Combine(session.Directory, id)).FullName;
        var shim = new ServingShim(session, program, directory, id, BundleWriter.Write(directory, id, "sleep", "1000"));
        try
        {
            await shim.StartAsync();
            return shim;
        }
        catch
        {
            await shim.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// What the command lines of its processes hold, and no others: one directory's name may be the beginning of
    /// another's.
    /// </summary>
    private string Mark => _directory + "/";

    /// <summary>Runs <c>start</c> and connects to the address that it answers with.</summary>
    public async Task StartAsync()
    {
        string containerd = Path.Combine(_directory, "containerd.sock");
        var environment = new Dictionary<string, string>(_program.Environment)
        {
            // As containerd sets them.
            ["GOMAXPROCS"] = "2",
            ["GRPC_ADDRESS"] = containerd,
            ["TTRPC_ADDRESS"] = _session.TtrpcAddress,
            ["NAMESPACE"] = "bench",
        };
        string[] arguments =
            ["-namespace", "bench", "-id", Id, "-address", containerd, "-publish-binary", _program.Containerd, "start"];
        long begin = Stopwatch.GetTimestamp();
        CommandResult result = await Command.RunAsync(_program.Binary, arguments, directory: Bundle,
            environment: environment);
        StartTime = Stopwatch.GetElapsedTime(begin);
        string address = Understand(result.Succeeded());
        Socket = address.StartsWith("unix://", StringComparison.Ordinal)
            ? address["unix://".Length..]
            : throw new FormatException($"{_program.Name} answered start with {result.Output}");
        _channel = await TtrpcChannel.ConnectAsync(Socket, cancellationToken: _session.Cancellation);
        Tasks = new TaskApi.TaskClient(ServiceName == "containerd.task.v3.Task" ? new TaskVersion3Invoker(_channel)
            : _channel);
    }

    /// <summary>Makes the container and starts it.</summary>
    public async Task RunContainerAsync()
    {
        await CreateContainerAsync();
        await Tasks.StartAsync(new StartRequest { Id = Id }, Bounded);
    }

    /// <summary>Makes the container, to sleep for long.</summary>
    public Task CreateContainerAsync() => CreateContainerAsync("", "");

    /// <param name="stdout">The FIFO for its output; empty: it goes nowhere.</param>
    /// <param name="stderr">That for its errors.</param>
    /// <param name="command">Instead of a long sleep.</param>
    public async Task CreateContainerAsync(string stdout, string stderr, params string[] command)
    {
        if (command.Length > 0)
        {
            string path = Path.Combine(Bundle, "config.json");
            JsonNode spec = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
            spec["process"] = OciProcess.Of(command);
            await File.WriteAllTextAsync(path, spec.ToJsonString());
        }
        await CreateContainerAsync(Id, Bundle, stdout, stderr);
    }

    /// <summary>Makes the container, or another one of its pod.</summary>
    /// <param name="checkpoint">The directory of the image to restore; empty: none.</param>
    public async Task CreateContainerAsync(string id, string bundle, string stdout, string stderr,
        string checkpoint = "")
    {
        var request = new CreateTaskRequest
        {
            Id = id,
            Bundle = bundle,
            Stdout = stdout,
            Stderr = stderr,
            Options = _program.Options(_directory),
            Checkpoint = checkpoint,
        };
        await Tasks.CreateAsync(request, Bounded);
    }

    /// <summary>Runs <c>true</c> in the container, from Exec to Delete.</summary>
    public async Task ExecAsync(string execId)
    {
        await StartExecAsync(execId, "true");
        await FinishExecAsync(execId);
    }

    /// <summary>Runs a further process in the container.</summary>
    /// <returns>The time from the end of the exec's process on the host until the shim reported it.</returns>
    public async Task<TimeSpan> TimeExecEndAsync(string execId)
    {
        int pid = await StartExecAsync(execId, "sleep", "0.1");
        Task<long> ended = Task.Run(() =>
        {
            using EventLoop loop = EventLoop.Create();
            loop.Run(() => ForeignProcess.WatchEndAsync(loop, pid));
            return Stopwatch.GetTimestamp();
        });
        long reported = await FinishExecAsync(execId);
        return Stopwatch.GetElapsedTime(await ended, reported);
    }

    private async Task<int> StartExecAsync(string execId, params string[] command)
    {
        Any spec = OciProcess.ToAny(OciProcess.Of(command).ToJsonString());
        await Tasks.ExecAsync(new ExecProcessRequest { Id = Id, ExecId = execId, Spec = spec }, Bounded);
        return (int)(await Tasks.StartAsync(new StartRequest { Id = Id, ExecId = execId }, Bounded)).Pid;
    }

    private async Task<long> FinishExecAsync(string execId)
    {
        WaitResponse ended = await Tasks.WaitAsync(new WaitRequest { Id = Id, ExecId = execId }, Bounded);
        long reported = Stopwatch.GetTimestamp();
        await Tasks.DeleteAsync(new DeleteRequest { Id = Id, ExecId = execId }, Bounded);
        RequireSuccess(ended.ExitStatus, execId);
        return reported;
    }

    /// <summary>Waits until the container has ended as it should, and deletes it.</summary>
    public async Task FinishContainerAsync()
    {
        WaitResponse ended = await Tasks.WaitAsync(new WaitRequest { Id = Id }, Bounded);
        await Tasks.DeleteAsync(new DeleteRequest { Id = Id }, Bounded);
        RequireSuccess(ended.ExitStatus, Id);
    }

    /// <summary>Kills the container and deletes it.</summary>
    public Task KillContainerAsync() => KillContainerAsync(Id);

    /// <summary>Kills the container, or another one of its pod, and deletes it.</summary>
    public async Task KillContainerAsync(string id)
    {
        await Tasks.KillAsync(new KillRequest { Id = id, Signal = Signals.SIGKILL }, Bounded);
        long killed = Stopwatch.GetTimestamp();
        await Tasks.WaitAsync(new WaitRequest { Id = id }, Bounded);
        ExitTimes.Add(Stopwatch.GetElapsedTime(killed).TotalMilliseconds);
        await Tasks.DeleteAsync(new DeleteRequest { Id = id }, Bounded);
    }

    /// <summary>Ends the shim as containerd does, and waits for its end.</summary>
    public async Task ShutdownAsync()
    {
        try
        {
            await Tasks.ShutdownAsync(new ShutdownRequest { Id = Id }, Bounded);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            // It may end before it answers.
        }
        await Eventually.TrueAsync($"{_program.Name} ends on Shutdown",
            () => !Processes.Mentioning(Mark).Any(ProcessFigures.IsAlive));
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null)
            await _channel.DisposeAsync();
        // After ShutdownAsync there is nothing; after a failure, whatever there was.
        foreach (int pid in Processes.Mentioning(Mark))
            Signals.Send(pid, Signals.SIGKILL);
        if (Socket.Length > 0)
            File.Delete(Socket);
        _log.Dispose();
    }

    /// <summary>An address, or JSON with it and the version of the task service.</summary>
    private string Understand(string answer)
    {
        ServiceName = "containerd.task.v2.Task";
        if (!answer.StartsWith('{'))
            return answer;
        JsonNode parameters = JsonNode.Parse(answer)!;
        if ((int)parameters["version"]! == 3)
            ServiceName = "containerd.task.v3.Task";
        return (string)parameters["address"]!;
    }

    private void RequireSuccess(uint status, string what)
    {
        if (status != 0)
            throw new InvalidOperationException($"{_program.Name}: {what} ended with exit status {status}");
    }
}
