using Linux;

namespace Shim.Tests.Support;

/// <summary>
/// runsc without a process: each command is recorded and does what the test says. By default it succeeds and leaves
/// what the real one leaves: pid files, and a record in runsc's root.
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

    /// <summary>What a command does, after what it leaves by default.</summary>
    public void On(string command, Func<RunscCall, Task> script) => _scripts[command] = script;

    /// <summary>A command that fails as runsc does: with a line in its log and exit status 128.</summary>
    public void Fail(string command, string message) => On(command, call =>
    {
        call.Fail(message);
        return Task.CompletedTask;
    });

    /// <summary>The sandbox's process ends.</summary>
    public void EndSandbox(int waitStatus) => End(SandboxPid, waitStatus);

    /// <summary>A watched process ends.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="waitStatus">What wait(2) reports: a signal, or an exit code times 256.</param>
    public void End(int pid, int waitStatus) =>
        SourceOf(pid).TrySetResult(new ProcessExit(pid, waitStatus, DateTimeOffset.UnixEpoch));

    public ChildProcess Spawn(SpawnRequest request)
    {
        var call = new RunscCall(this, ++_lastPid, request);
        Calls.Add(call);
        _ = RunAsync(call);
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
