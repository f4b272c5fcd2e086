using Linux;

namespace Shim.Tests.Support;

/// <summary>
/// runsc without a process: each command is recorded and does what the test says. By default it succeeds and leaves
/// what the real one leaves: pid files, and a record in runsc's root. <c>exec</c> and <c>wait</c> stay.
/// </summary>
internal sealed class ScriptedRunsc : IChildProcesses
{
    /// <summary>The process that stands for every sandbox: it exists, and nothing ever signals it for real.</summary>
    public static int SandboxPid => Environment.ProcessId;

    private readonly Dictionary<int, TaskCompletionSource<ProcessExit>> _watched = [];
    private readonly Dictionary<string, Func<RunscCall, Task>> _scripts = new(StringComparer.Ordinal);
    private int _lastPid = 1_000_000;

    /// <summary>The commands so far, without runsc's flags and without paths.</summary>
    public IReadOnlyList<string> Commands => [.. Calls.Select(static call => call.ToString())];

    /// <summary>The calls so far.</summary>
    public List<RunscCall> Calls { get; } = [];

    /// <summary>The signals that were sent to watched processes: <c>PID SIGNAL</c>, or <c>sandbox SIGNAL</c>.</summary>
    public List<string> Signals { get; } = [];

    /// <summary>Whether there is no runsc to start.</summary>
    public bool IsMissing { get; set; }

    /// <summary>What a command does before it leaves what it leaves by default and succeeds.</summary>
    public void On(string command, Func<RunscCall, Task> script) => _scripts[command] = script;

    /// <inheritdoc cref="On(string, Func{RunscCall, Task})"/>
    public void On(string command, Action<RunscCall> script) => On(command, call =>
    {
        script(call);
        return Task.CompletedTask;
    });

    /// <summary>A command that fails as runsc does: with a line in its log and exit status 128.</summary>
    public void Fail(string command, string message) => On(command, call => call.Fail(message));

    /// <summary>A command that waits until the source is completed.</summary>
    public TaskCompletionSource Hold(string command)
    {
        TaskCompletionSource source = LoopTask.NewSource();
        On(command, _ => source.Task);
        return source;
    }

    /// <summary>All commands do by default what they do.</summary>
    public void Mend()
    {
        _scripts.Clear();
        IsMissing = false;
    }

    /// <summary>Waits until a command has been started.</summary>
    /// <returns>The first of this name.</returns>
    public async Task<RunscCall> UntilAsync(string command)
    {
        await TestShim.UntilAsync(() => Calls.Exists(call => call.Command == command));
        return Calls.Find(call => call.Command == command)!;
    }

    /// <summary>The sandbox's process ends.</summary>
    public void EndSandbox(int waitStatus) => End(SandboxPid, waitStatus);

    /// <summary>A watched process ends.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="waitStatus">What wait(2) reports: a signal, or an exit code times 256.</param>
    public void End(int pid, int waitStatus) =>
        SourceOf(pid).TrySetResult(new ProcessExit(pid, waitStatus, DateTimeOffset.UnixEpoch));

    /// <summary>Whether a watched process has ended.</summary>
    public bool HasEnded(int pid) => SourceOf(pid).Task.IsCompleted;

    public ChildProcess Spawn(SpawnRequest request)
    {
        if (IsMissing)
            throw new LinuxException(Errno.ENOENT, "spawn", request.Path);
        var call = new RunscCall(this, ++_lastPid, request);
        Calls.Add(call);
        LoopTask.Watch(() => RunAsync(call));
        return new ChildProcess(call.Pid, SourceOf(call.Pid).Task, signal => Kill(call.Pid, signal));
    }

    public Task<ProcessExit> WatchAsync(int pid) => SourceOf(pid).Task;

    public bool Kill(int pid, int signal)
    {
        Signals.Add($"{(pid == SandboxPid ? "sandbox" : pid)} {signal}");
        End(pid, signal);
        return true;
    }

    private async Task RunAsync(RunscCall call)
    {
        // A process never answers before the caller waits.
        await Task.Yield();
        if (_scripts.TryGetValue(call.Command, out Func<RunscCall, Task>? script))
            await script(call);
        call.Succeed();
    }

    private TaskCompletionSource<ProcessExit> SourceOf(int pid)
    {
        if (!_watched.TryGetValue(pid, out TaskCompletionSource<ProcessExit>? source))
            _watched[pid] = source = LoopTask.NewSource<ProcessExit>();
        return source;
    }
}
