using Linux;
using Shim.Runsc;

namespace Shim.Tests.Support;

/// <summary>A sandbox's control that records what is asked of it and answers as the test says.</summary>
internal sealed class ScriptedControl : ISandboxControl
{
    private readonly Dictionary<string, TaskCompletionSource<int>> _waits = new(StringComparer.Ordinal);

    /// <summary>The calls in order: the method, and its arguments in short.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>Decides how every call but a wait goes; by default each succeeds at once.</summary>
    public Func<string, Task> OnCall { get; set; } = static _ => Task.CompletedTask;

    /// <summary>The container's statistics.</summary>
    public RunscStats Stats { get; set; } = new();

    /// <summary>The container's state, for the caller that doubts its end.</summary>
    public SandboxContainerState State { get; set; } = SandboxContainerState.Running;

    /// <summary>Calls that begin so fail.</summary>
    public void Fail(string prefix, RunscFailure failure) => OnCall = call =>
        call.StartsWith(prefix, StringComparison.Ordinal)
            ? Task.FromException(new RunscException(failure, $"{call} failed"))
            : Task.CompletedTask;

    /// <summary>Calls that begin so wait until the source is completed.</summary>
    public TaskCompletionSource Hold(string prefix)
    {
        TaskCompletionSource source = LoopTask.NewSource();
        OnCall = call => call.StartsWith(prefix, StringComparison.Ordinal) ? source.Task : Task.CompletedTask;
        return source;
    }

    /// <summary>All calls succeed again.</summary>
    public void Mend() => OnCall = static _ => Task.CompletedTask;

    /// <summary>The container's first process ends.</summary>
    public void End(string id, int status) => WaitOf(id).SetResult(status);

    /// <summary>The wait for the container's end fails; the next one is a new one.</summary>
    public void FailWait(string id, RunscFailure failure)
    {
        TaskCompletionSource<int> wait = WaitOf(id);
        _waits.Remove(id);
        wait.SetException(new RunscException(failure, "the wait failed"));
    }

    public async Task<int> WaitAsync(string id, CancellationToken abandon)
    {
        Calls.Add($"wait {id}");
        try
        {
            return await WaitOf(id).Task.WaitAsync(abandon);
        }
        catch (OperationCanceledException e)
        {
            throw new RunscException(RunscFailure.Failed, "the wait was given up", e);
        }
    }

    public Task SignalAsync(string id, int signal, int pid, bool all) =>
        CallAsync($"signal {id} {signal} {pid}{(all ? " all" : "")}");

    public async Task<RunscStats> StatsAsync(string id)
    {
        await CallAsync($"stats {id}");
        return Stats;
    }

    public Task PauseAsync(string id) => CallAsync($"pause {id}");

    public Task ResumeAsync(string id) => CallAsync($"resume {id}");

    public async Task<SandboxContainerState> StateAsync(string id)
    {
        await CallAsync($"state {id}");
        return State;
    }

    private Task CallAsync(string call)
    {
        Calls.Add(call);
        return OnCall(call);
    }

    private TaskCompletionSource<int> WaitOf(string id)
    {
        if (!_waits.TryGetValue(id, out TaskCompletionSource<int>? wait))
            _waits[id] = wait = LoopTask.NewSource<int>();
        return wait;
    }
}
