using Serilog;
using Serilog.Core;
using Serilog.Events;
using Shim.Configuration;
using Shim.Volumes;

namespace Shim.Logging;

/// <summary>Everything that the shim logs: one method for each message, so that the wording is stable.</summary>
/// <remarks>
/// Lines go to the FIFO <c>log</c> that containerd creates in the bundle, or else to standard error, and also to the
/// file that <c>log_path</c> names. A line that cannot be written at once is dropped: logging never waits.
/// </remarks>
internal sealed class ShimLog : IDisposable
{
    private readonly LoggingLevelSwitch _level = new(LogEventLevel.Information);
    private readonly Logger _logger;
    private readonly LogOutput _output;
    private readonly HashSet<string> _files = new(StringComparer.Ordinal);

    /// <summary>A log that writes to <paramref name="output"/> and owns it.</summary>
    public ShimLog(LogOutput output)
    {
        _output = output;
        _logger = new LoggerConfiguration().MinimumLevel.ControlledBy(_level).WriteTo.Sink(output).CreateLogger();
    }

    /// <summary>Whether debug messages are written.</summary>
    public bool IsDebug => _level.MinimumLevel <= LogEventLevel.Debug;

    /// <summary>Applies the configuration of the log: its level, and a file in addition to containerd's log.</summary>
    /// <remarks>
    /// Called when serving starts and again for each Create, whose request may name another configuration file than
    /// the node's default. Each log file is opened once.
    /// </remarks>
    /// <param name="configuration">The configuration.</param>
    /// <param name="id">The id that the shim was started for.</param>
    /// <param name="debug">Whether containerd wants debug messages; a level in the configuration wins.</param>
    public void Configure(ShimConfiguration configuration, string id, bool debug)
    {
        SetLevel(configuration.LogLevel.Length == 0 && debug ? "debug" : configuration.LogLevel);
        if (configuration.LogFileOf(id) is { } file && _files.Add(file))
            _output.AddFile(file, e => ConfigurationWarning($"log_path: {e.Message}"));
    }

    /// <summary>Sets the lowest level that is written, by logrus's name; an unknown name means info.</summary>
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

    internal void ShutdownDeferred(int containers) =>
        _logger.Debug("shutdown deferred until the last container is deleted {containers}", containers);

    internal void ConfigurationWarning(string warning) => _logger.Warning("configuration warning {warning}", warning);

    internal void VolumeDecided(string sandbox, string pod, VolumeDecision decision) =>
        _logger.Information("volume decision {sandbox} {pod} {volume} {outcome} {rule} {why}",
            sandbox, pod, decision.Volume, decision.Outcome, decision.RuleName, decision.Why);

    internal void VolumeWarning(string sandbox, string warning) =>
        _logger.Warning("volume warning {sandbox} {warning}", sandbox, warning);

    internal void AnnotationRemoved(string id, string warning) =>
        _logger.Warning("annotation removed {id} {warning}", id, warning);

    internal void WarningsLeftOut(int count) =>
        _logger.Warning("further warnings of this kind left out {count}", count);

    internal void FileStoresRemoved(string sandbox, string volume, int count, string first) =>
        _logger.Information("stale file stores removed {sandbox} {volume} {count} {first}",
            sandbox, volume, count, first);

    internal void Created(string id, string sandbox, int pid) =>
        _logger.Information("container created {id} {sandbox} {pid}", id, sandbox, pid);

    internal void CreateFailed(string id, Exception error) =>
        _logger.Warning("container creation failed {id} {reason}", id, error.Message);

    internal void Started(string id, string execId) => _logger.Information("process started {id} {exec}", id, execId);

    internal void StartFailed(string id, string execId, Exception error) =>
        _logger.Warning("process start failed {id} {exec} {reason}", id, execId, error.Message);

    internal void Exited(string id, string execId, int status) =>
        _logger.Information("process exited {id} {exec} {status}", id, execId, status);

    internal void Deleted(string id, string execId) => _logger.Information("process deleted {id} {exec}", id, execId);

    internal void DeletedWithSandbox(string id, Exception error) =>
        _logger.Information(
            "sandbox ended while the container was being deleted; leftovers removed {id} {reason}", id, error.Message);

    internal void CheckpointCoversSandbox(string id, string sandbox, string path) =>
        _logger.Information("checkpoint of the whole sandbox started {id} {sandbox} {path}", id, sandbox, path);

    internal void Checkpointed(string id, string sandbox, string path, TimeSpan elapsed) =>
        _logger.Information("checkpoint written {id} {sandbox} {path} {milliseconds}",
            id, sandbox, path, (long)elapsed.TotalMilliseconds);

    internal void CheckpointFailed(string id, string path, Exception error) =>
        _logger.Warning("checkpoint failed; partial image removed {id} {path} {reason}", id, path, error.Message);

    internal void ResumeFailed(string id, Exception error) =>
        _logger.Warning("cannot resume the sandbox after a failed checkpoint {id} {reason}", id, error.Message);

    internal void PauseAgainFailed(string id, string sandbox, Exception error) =>
        _logger.Error("cannot pause the sandbox again for {id} {sandbox} {reason}", id, sandbox,
            error.Message);

    internal void LatePauseNotUndone(string sandbox, string reason) =>
        _logger.Error(
            "cannot undo a pause or resume that the sandbox answered late {sandbox} {reason}", sandbox, reason);

    internal void SignalAtResumeFailed(string process, string sandbox, Exception error) =>
        _logger.Warning("cannot deliver a signal that came during the pause {process} {sandbox} {reason}", process,
            sandbox, error.Message);

    internal void VersionUnknown(string id, Exception error) =>
        _logger.Warning("runsc version unknown; left out of the image {id} {reason}", id, error.Message);

    internal void RecordLeftOut(string id, int inImage, int here) =>
        _logger.Warning("image has other containers than this shim; shim.json left out {id} {image} {shim}",
            id, inImage, here);

    internal void RestoreWaits(string sandbox, string image, string missing) =>
        _logger.Information("sandbox is being restored; nothing in it runs yet {sandbox} {image} {missing}",
            sandbox, image, missing);

    internal void SandboxRestored(string sandbox, string image) =>
        _logger.Information("sandbox restored and running {sandbox} {image}", sandbox, image);

    internal void RestoreFailed(string sandbox, string image, string why) =>
        _logger.Error("restore failed; sandbox killed {sandbox} {image} {reason}", sandbox, image, why);

    internal void StartsWithoutImage(string id, string image) =>
        _logger.Information("container of a restored sandbox starts without the image {id} {image}", id, image);

    internal void DebugLogFailed(string id, Exception error) =>
        _logger.Warning("debug log of the state not written {id} {reason}", id, error.Message);

    internal void TaskServerListens(string path) => _logger.Information("gVisor task service listening {path}", path);

    internal void TaskServerFailed(string path, Exception error) =>
        _logger.Error("gVisor task service not started {path} {reason}", path, error.Message);

    internal void OutOfMemory(string sandbox) =>
        _logger.Warning("out of memory: killed in the sandbox's cgroup {sandbox}", sandbox);

    internal void LimitsShared(string sandbox) => _logger.Information(
        "limits of single containers are not enforced: they hold for the sandbox's containers together {sandbox}",
        sandbox);

    internal void LimitsNotSet(string sandbox, Exception error) =>
        _logger.Warning("limits of the pod not set {sandbox} {reason}", sandbox, error.Message);

    internal void OomNotWatched(string sandbox, Exception error) =>
        _logger.Warning("not watching for out-of-memory kills {sandbox} {reason}", sandbox, error.Message);

    internal void WaitFailed(string id, Exception error) =>
        _logger.Warning("wait for the exit status failed {id} {reason}", id, error.Message);

    internal void ProcessesRemain(string id, Exception error) =>
        _logger.Warning("remaining processes of an exited container not killed {id} {reason}", id, error.Message);

    internal void SandboxSocketGivenUp(string sandbox, string reason) =>
        _logger.Warning("sandbox does not answer on its control socket; using runsc commands from now on "
            + "{sandbox} {reason}", sandbox, reason);

    internal void SandboxKilled(string sandbox, int pid) =>
        _logger.Warning("sandbox did not take SIGKILL; killing its process {sandbox} {pid}", sandbox, pid);

    internal void UndoFailed(string id, string what, Exception error) =>
        _logger.Error("could not undo {id} {what} {reason}", id, what, error.Message);

    internal void LoggerEnded(string id, string program, int status) =>
        _logger.Warning("logging program exited before its container {id} {program} {status}", id, program, status);

    internal void TerminalFailed(string id, Exception error) =>
        _logger.Warning("terminal copy failed {id} {reason}", id, error.Message);

    internal void EventSendFailed(string topic, Exception error, TimeSpan pause) =>
        _logger.Warning("event not sent; retrying {topic} {reason} {pause}", topic, error.Message, pause);

    internal void EventRejected(string topic, Exception error) =>
        _logger.Error("event rejected by containerd; dropped {topic} {reason}", topic, error.Message);

    internal void EventsDropped(int count) =>
        _logger.Error("events dropped: containerd did not accept them in time {count}", count);

    internal void CallEnded(string method, string peer, string status, TimeSpan elapsed) =>
        _logger.Debug("call ended {method} {peer} {status} {milliseconds}",
            method, peer, status, elapsed.TotalMilliseconds);

    internal void CallFailed(string method, Exception error) =>
        _logger.Error(error, "call failed unexpectedly {method}", method);

    internal void ConnectionClosed(string peer, string reason) =>
        _logger.Warning("connection closed {peer} {reason}", peer, reason);

    internal void SocketNotRemoved(Exception error) => _logger.Warning("socket not removed {reason}", error.Message);

    internal void AcceptFailed(Exception error, TimeSpan pause) =>
        _logger.Error("accept failed; retrying {reason} {pause}", error.Message, pause);

    internal void State(string line) => _logger.Information("state {dump}", line);

    internal void Unexpected(Exception error) => _logger.Error(error, "unexpected error; the shim goes on");

    internal void Crashed(Exception error) => _logger.Fatal(error, "shim failed");
}
