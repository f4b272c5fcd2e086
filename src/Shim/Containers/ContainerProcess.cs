using Linux;
using Shim.Io;

namespace Shim.Containers;

/// <summary>How a process ended.</summary>
/// <param name="Status">Its exit status; 128 plus the signal's number if a signal ended it.</param>
/// <param name="At">When.</param>
internal readonly record struct ProcessEnd(int Status, DateTimeOffset At);

/// <summary>A process of a container, its first or an exec: its state and streams, not the operations on it.</summary>
internal sealed class ContainerProcess(string id, string name, StdioRequest request, ProcessStdio stdio)
{
    private readonly TaskCompletionSource<ProcessEnd> _ended = LoopTask.NewSource<ProcessEnd>();

    /// <summary>The container's id, or the exec's.</summary>
    public string Id { get; } = id;

    /// <summary>The standard streams that were requested.</summary>
    public StdioRequest Request { get; } = request;

    /// <summary>Its open standard streams.</summary>
    public ProcessStdio Stdio { get; } = stdio;

    /// <summary>Its operations, in order.</summary>
    public OrderedOperations Operations { get; } = new();

    /// <summary>Its state.</summary>
    public ProcessState State { get; private set; }

    /// <summary>The process of the node that represents it; 0 if there is none yet.</summary>
    public int Pid { get; set; }

    /// <summary>How it ended; null if it has not.</summary>
    public ProcessEnd? End { get; private set; }

    /// <summary>
    /// Completed as soon as it has exited. <see cref="Ended"/> follows when the operation in progress is over.
    /// </summary>
    public TaskCompletionSource Exited { get; } = LoopTask.NewSource();

    /// <summary>Completes once, when it has ended.</summary>
    public Task<ProcessEnd> Ended => _ended.Task;

    /// <summary>Its name in messages.</summary>
    public override string ToString() => name;

    /// <summary>Checks that <paramref name="verb"/> is possible now.</summary>
    /// <exception cref="RefusedException">It is not.</exception>
    public void Check(ProcessVerb verb) => ProcessLifecycle.Move(State, verb, name);

    /// <summary>Changes its state.</summary>
    /// <exception cref="RefusedException">The verb is not possible in this state.</exception>
    public void Move(ProcessVerb verb) => State = ProcessLifecycle.Move(State, verb, name);

    /// <summary>Records its end, for waiters and for the readers of its output.</summary>
    /// <param name="end">How it ended.</param>
    /// <param name="announce">Called before the waiters go on, and these may report other ends.</param>
    /// <returns>False if it was known, or if the process was deleted before.</returns>
    public bool TryEnd(ProcessEnd end, Action? announce = null)
    {
        if (ProcessLifecycle.Next(State, ProcessVerb.Exit) is not { } next)
            return false;
        State = next;
        End = end;
        try
        {
            announce?.Invoke();
        }
        finally
        {
            _ended.SetResult(end);
            // What fails here is logged by the loop; it must not keep the exit from containerd.
            LoopTask.Watch(() =>
            {
                Stdio.ProcessEnded();
                return Task.CompletedTask;
            });
        }
        return true;
    }
}
