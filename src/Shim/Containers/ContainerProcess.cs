using Shim.Io;

namespace Shim.Containers;

/// <summary>How a process ended.</summary>
/// <param name="Status">Its exit status; 128 and the signal's number where a signal ended it.</param>
/// <param name="At">When.</param>
public readonly record struct ProcessEnd(int Status, DateTimeOffset At);

/// <summary>A process of a container: its first, or one that Exec made. What it is, not what is done with it.</summary>
public sealed class ContainerProcess(string id, string name, StdioRequest request, ProcessStdio stdio)
{
    // Completed on the loop, hence without RunContinuationsAsynchronously, which would start the thread pool.
    private readonly TaskCompletionSource<ProcessEnd> _ended = new();

    /// <summary>The container's id, or the exec's.</summary>
    public string Id { get; } = id;

    /// <summary>The stdio that was asked for.</summary>
    public StdioRequest Request { get; } = request;

    /// <summary>Its open standard streams.</summary>
    public ProcessStdio Stdio { get; } = stdio;

    /// <summary>Its operations, in order.</summary>
    public OrderedOperations Operations { get; } = new();

    /// <summary>Where it is in its life.</summary>
    public ProcessState State { get; private set; }

    /// <summary>The process of the host that stands for it; 0 where there is none yet.</summary>
    public int Pid { get; set; }

    /// <summary>How it ended; null while it has not.</summary>
    public ProcessEnd? End { get; private set; }

    /// <summary>Completes once, when it has ended.</summary>
    public Task<ProcessEnd> Ended => _ended.Task;

    /// <summary>What messages call it.</summary>
    public override string ToString() => name;

    /// <summary>Whether <paramref name="verb"/> can happen now; if not, says why.</summary>
    /// <exception cref="ContainerException">It cannot.</exception>
    public void Check(ProcessVerb verb) => ProcessLifecycle.Move(State, verb, name);

    /// <summary>Moves on in its life.</summary>
    /// <exception cref="ContainerException">The verb cannot happen in this state.</exception>
    public void Move(ProcessVerb verb) => State = ProcessLifecycle.Move(State, verb, name);

    /// <summary>It has ended. Waiters and the readers of its output learn of it.</summary>
    /// <returns>False where that was known already, or it was deleted before.</returns>
    public bool TryEnd(ProcessEnd end)
    {
        if (ProcessLifecycle.Next(State, ProcessVerb.Exit) is not { } next)
            return false;
        State = next;
        End = end;
        Stdio.ProcessEnded();
        _ended.SetResult(end);
        return true;
    }
}
