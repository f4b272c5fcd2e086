using Serilog;
using Serilog.Core;
using Serilog.Events;
using Shim.Configuration;
using Shim.Volumes;

namespace Shim.Logging;

/// <summary>Everything that the shim writes to its log, a method for each message, so that their wording is stable.</summary>
/// <remarks>
/// Lines go to the FIFO <c>log</c> that containerd makes in the bundle, else to standard error, and to the file of
/// <c>log_path</c>. A line that nobody takes is dropped: logging never waits.
/// </remarks>
internal sealed class ShimLog : IDisposable
{
    private readonly LoggingLevelSwitch _level = new(LogEventLevel.Information);
    private readonly Logger _logger;
    private readonly LogOutput _output;
    private readonly HashSet<string> _files = new(StringComparer.Ordinal);

    /// <summary>Writes to <paramref name="output"/>, which it takes over.</summary>
    public ShimLog(LogOutput output)
    {
        _output = output;
        _logger = new LoggerConfiguration().MinimumLevel.ControlledBy(_level).WriteTo.Sink(output).CreateLogger();
    }

    /// <summary>Whether debug messages are written.</summary>
    public bool IsDebug => _level.MinimumLevel <= LogEventLevel.Debug;

    /// <summary>Does what the configuration says of the log: its level, and a file beside containerd's log.</summary>
    /// <remarks>
    /// Said when serving begins and again by each Create, whose request may name another file than the node's default;
    /// a file is opened once.
    /// </remarks>
    /// <param name="configuration">The configuration.</param>
    /// <param name="id">The id that the shim was started for.</param>
    /// <param name="debug">Whether containerd wants debug messages; a level in the configuration comes first.</param>
    public void Configure(ShimConfiguration configuration, string id, bool debug)
    {
        SetLevel(configuration.LogLevel.Length == 0 && debug ? "debug" : configuration.LogLevel);
        if (configuration.LogFileOf(id) is not { } file || !_files.Add(file))
            return;
        try
        {
            _output.AddFile(file);
        }
        catch (IOException e)
        {
            ConfigurationWarning($"log_path: {e.Message}");
        }
    }

    /// <summary>Sets the least level that is written, as logrus names levels; another name means info.</summary>
    private void SetLevel(string name) => _level.MinimumLevel = name switch
    {
        "trace" => LogEventLevel.Verbose,
        "debug" => LogEventLevel.Debug,
        "warn" or "warning" => LogEventLevel.Warning,
        "error" => LogEventLevel.Error,
        "fatal" or "panic" => LogEventLevel.Fatal,
        _ => LogEventLevel.Information,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _logger.Dispose();
        _output.Dispose();
    }

    internal void Serving(string version, string address) =>
        _logger.Information("shim is serving {version} {address} {pid}", version, address, Environment.ProcessId);

    internal void ShuttingDown(string why) => _logger.Information("shim is shutting down {why}", why);

    internal void ShutdownRefused(int containers) =>
        _logger.Debug("shutdown is put off until the last container is deleted {containers}", containers);

    internal void ConfigurationWarning(string warning) => _logger.Warning("configuration {warning}", warning);

    internal void VolumeDecided(string sandbox, string pod, VolumeDecision decision) =>
        _logger.Information("volume decided {sandbox} {pod} {volume} {outcome} {rule} {why}",
            sandbox, pod, decision.Volume, decision.Outcome, decision.RuleName, decision.Why);

    internal void VolumeWarning(string sandbox, string warning) => _logger.Warning("volumes {sandbox} {warning}", sandbox, warning);

    internal void FileStoreRemoved(string sandbox, string volume, string file) =>
        _logger.Information("stale file store removed {sandbox} {volume} {file}", sandbox, volume, file);

    internal void Created(string id, string sandbox, int pid) =>
        _logger.Information("container created {id} {sandbox} {pid}", id, sandbox, pid);

    internal void CreateFailed(string id, Exception error) =>
        _logger.Warning("container not created {id} {reason}", id, error.Message);

    internal void Started(string id, string execId) => _logger.Information("process started {id} {exec}", id, execId);

    internal void StartFailed(string id, string execId, Exception error) =>
        _logger.Warning("process not started {id} {exec} {reason}", id, execId, error.Message);

    internal void Exited(string id, string execId, int status) =>
        _logger.Information("process ended {id} {exec} {status}", id, execId, status);

    internal void Deleted(string id, string execId) => _logger.Information("process deleted {id} {exec}", id, execId);

    internal void DeletedWithSandbox(string id, Exception error) =>
        _logger.Information("sandbox ended while the container was deleted; the rest is removed {id} {reason}", id, error.Message);

    internal void CheckpointCoversSandbox(string id, string sandbox, string path) =>
        _logger.Information("checkpoint of the whole sandbox is written {id} {sandbox} {path}", id, sandbox, path);

    internal void Checkpointed(string id, string sandbox, string path, TimeSpan elapsed) =>
        _logger.Information("checkpoint written {id} {sandbox} {path} {milliseconds}", id, sandbox, path, (long)elapsed.TotalMilliseconds);

    internal void CheckpointFailed(string id, string path, Exception error) =>
        _logger.Warning("checkpoint not written, nothing of it stays {id} {path} {reason}", id, path, error.Message);

    internal void ResumeFailed(string id, Exception error) =>
        _logger.Warning("sandbox does not go on after a failed checkpoint yet {id} {reason}", id, error.Message);

    internal void VersionUnknown(string id, Exception error) =>
        _logger.Warning("runsc's version is left out of the image {id} {reason}", id, error.Message);

    internal void RecordLeftOut(string id, int inImage, int here) =>
        _logger.Warning("image has other containers than this shim, it is left without shim.json {id} {image} {shim}", id, inImage, here);

    internal void RestoreWaits(string sandbox, string image, string missing) =>
        _logger.Information("sandbox is being restored, nothing in it runs yet {sandbox} {image} {missing}", sandbox, image, missing);

    internal void SandboxRestored(string sandbox, string image) =>
        _logger.Information("sandbox is restored and runs {sandbox} {image}", sandbox, image);

    internal void RestoreFailed(string sandbox, string image, string why) =>
        _logger.Error("sandbox not restored, it is ended {sandbox} {image} {reason}", sandbox, image, why);

    internal void StartsWithoutImage(string id, string image) =>
        _logger.Information("container of a restored sandbox begins anew {id} {image}", id, image);

    internal void DebugLogFailed(string id, Exception error) =>
        _logger.Warning("debug log of the state is not written {id} {reason}", id, error.Message);

    internal void TaskServerListens(string path) => _logger.Information("gvisor task service is served {path}", path);

    internal void TaskServerFailed(string path, Exception error) =>
        _logger.Error("gvisor task service is not served {path} {reason}", path, error.Message);

    internal void OutOfMemory(string sandbox) =>
        _logger.Warning("the kernel killed for want of memory in the sandbox's cgroup {sandbox}", sandbox);

    internal void OomNotWatched(string sandbox, Exception error) =>
        _logger.Warning("out-of-memory kills are not watched {sandbox} {reason}", sandbox, error.Message);

    internal void WaitFailed(string id, Exception error) =>
        _logger.Warning("exit status unknown, the sandbox does not tell {id} {reason}", id, error.Message);

    internal void ProcessesRemain(string id, Exception error) =>
        _logger.Warning("other processes of an ended container not killed {id} {reason}", id, error.Message);

    internal void SandboxSocketGivenUp(string sandbox, string reason) =>
        _logger.Warning("sandbox does not answer on its control socket, runsc is asked from now on {sandbox} {reason}", sandbox, reason);

    internal void SandboxKilled(string sandbox, int pid) =>
        _logger.Warning("sandbox did not take SIGKILL, killing its process {sandbox} {pid}", sandbox, pid);

    internal void PidsUnknown(string id, Exception error) =>
        _logger.Warning("processes unknown, answering the sandbox's {id} {reason}", id, error.Message);

    internal void UndoFailed(string id, string what, Exception error) =>
        _logger.Error("could not undo {id} {what} {reason}", id, what, error.Message);

    internal void LoggerEnded(string id, string program, int status) =>
        _logger.Warning("logging program ended before its container {id} {program} {status}", id, program, status);

    internal void TerminalFailed(string id, Exception error) =>
        _logger.Warning("terminal copy ended {id} {reason}", id, error.Message);

    internal void EventSendFailed(string topic, Exception error, TimeSpan pause) =>
        _logger.Warning("event not sent, trying again {topic} {reason} {pause}", topic, error.Message, pause);

    internal void EventRefused(string topic, Exception error) =>
        _logger.Error("event refused by containerd, dropped {topic} {reason}", topic, error.Message);

    internal void EventsDropped(int count) =>
        _logger.Error("events dropped, containerd has not taken them for too long {count}", count);

    internal void CallEnded(string method, string peer, string status, TimeSpan elapsed) =>
        _logger.Debug("call ended {method} {peer} {status} {milliseconds}", method, peer, status, elapsed.TotalMilliseconds);

    internal void CallFailed(string method, Exception error) =>
        _logger.Error(error, "call failed unexpectedly {method}", method);

    internal void ConnectionClosed(string peer, string reason) =>
        _logger.Warning("connection closed {peer} {reason}", peer, reason);

    internal void SocketStays(Exception error) => _logger.Warning("socket not removed {reason}", error.Message);

    internal void AcceptFailed(Exception error, TimeSpan pause) =>
        _logger.Error("connection not accepted, trying again {reason} {pause}", error.Message, pause);

    internal void State(string line) => _logger.Information("state {dump}", line);

    internal void Crashed(Exception error) => _logger.Fatal(error, "shim failed");
}
