using Linux;
using Shim.Runsc;
using Shim.Volumes;

namespace Shim.Containers;

/// <summary>A gVisor sandbox: the process in which a container, or all containers of a pod, run.</summary>
/// <param name="id">The id of its first container, as containerd calls it.</param>
/// <param name="pid">Its process.</param>
/// <param name="died">Completes when the process has ended.</param>
public sealed class Sandbox(string id, int pid, Task died)
{
    // Each may take ten seconds: half an hour, as long as an image may take.
    private const int ResumeAttempts = 180;
    private static readonly TimeSpan s_resumeAgain = TimeSpan.FromSeconds(1);

    private readonly OrderedOperations _pausing = new();
    private readonly List<Container> _paused = [];
    private string _pausedThrough = "";
    private bool _pauseComing;
    private int _acts;
    private TaskCompletionSource? _actsEnded;
    private Task? _checkpoint;

    /// <summary>The id of its first container, as containerd calls it.</summary>
    public string Id { get; } = id;

    /// <summary>Its process.</summary>
    public int Pid { get; } = pid;

    /// <summary>Completes when its process has ended.</summary>
    public Task Died { get; } = died;

    /// <summary>How its process ends; null where the sandbox is another shim's, which alone is told.</summary>
    public Task<ProcessExit>? Exit => Died as Task<ProcessExit>;

    /// <summary>Reports out-of-memory kills; null where the sandbox is another shim's.</summary>
    public OutOfMemoryEvents? OutOfMemory { get; set; }

    /// <summary>What was decided about the pod's volumes; null where the sandbox is another shim's.</summary>
    public VolumeDecisions? Volumes { get; init; }

    /// <summary>Its cgroup on the node; null where it has none of its own.</summary>
    public Cgroup? Cgroup { get; init; }

    /// <summary>Where it is asked; null where runsc's records do not tell.</summary>
    public SandboxSocket? Socket { get; init; }

    /// <summary>How it comes back from an image; null where it began anew.</summary>
    public SandboxRestore? Restore { get; init; }

    /// <summary>Whether it ended because a checkpoint was to end it: then its containers ended well.</summary>
    public bool EndedByCheckpoint { get; set; }

    /// <summary>Its containers here, in the order of their creation.</summary>
    public List<Container> Containers { get; } = [];

    /// <summary>Whether any of its containers is paused, and so all of them stand still, or is about to be.</summary>
    public bool IsPaused => _pauseComing || _paused.Count > 0;

    /// <summary>
    /// Does something that needs the sandbox to run: a pause or a checkpoint that is asked for meanwhile waits for it,
    /// and it waits for a checkpoint that is being written. Whoever calls has seen that the sandbox is not paused.
    /// </summary>
    public async Task<T> ActAsync<T>(Func<Task<T>> act)
    {
        while (_checkpoint is { } checkpoint)
            await checkpoint;
        _acts++;
        try
        {
            return await act();
        }
        finally
        {
            if (--_acts == 0)
                _actsEnded?.TrySetResult();
        }
    }

    /// <inheritdoc cref="ActAsync{T}"/>
    public Task ActAsync(Func<Task> act) => ActAsync(async () =>
    {
        await act();
        return true;
    });

    /// <summary>Ends it from outside, where that is ours to do: another shim's sandbox is left to that.</summary>
    public void Kill()
    {
        // Until its exit is known its process is our child, and the id nobody else's.
        if (Exit is { IsCompleted: false })
            Signals.Send(Pid, Signals.SIGKILL);
    }

    /// <summary>Pauses for one of its containers.</summary>
    /// <remarks>
    /// A pause is of the whole sandbox, and runsc's pauses nest: each pause of a container needs its own resume. So
    /// runsc is told of the first pause and of the last resume only.
    /// </remarks>
    /// <exception cref="RunscException">It failed.</exception>
    public Task PauseAsync(Container container, ISandboxQuestions questions) => _pausing.RunAsync(async () =>
    {
        if (_paused.Count == 0)
        {
            _pauseComing = true;
            try
            {
                await ActsEndedAsync();
                await questions.PauseAsync(container.RunscId);
                _pausedThrough = container.RunscId;
            }
            finally
            {
                _pauseComing = false;
            }
        }
        _paused.Add(container);
    });

    /// <summary>Whether a checkpoint of it is being written.</summary>
    public bool IsBeingSaved => _checkpoint is not null;

    /// <summary>Writes a checkpoint, while nothing else is done with the sandbox.</summary>
    /// <remarks>
    /// With <paramref name="end"/> the sandbox stands still until it is ended from outside. runsc could end it with the
    /// checkpoint, but then a checkpoint that fails ends it too.
    /// </remarks>
    /// <param name="container">The container that it was asked of.</param>
    /// <param name="questions">How the sandbox is told.</param>
    /// <param name="end">The sandbox ends when the checkpoint is written.</param>
    /// <param name="write">Writes it, and leaves the sandbox as it is.</param>
    /// <param name="resumeFailed">Told each time that the sandbox cannot be let go on after a failure; it is tried again.</param>
    /// <param name="time">The loop's clock.</param>
    /// <exception cref="RunscException">It failed; the sandbox is as it was before.</exception>
    public Task CheckpointAsync(Container container, ISandboxQuestions questions, bool end, Func<Task> write,
        Action<Exception> resumeFailed, TimeProvider time) =>
        _pausing.RunAsync(async () =>
        {
            // Completed on the loop, hence without RunContinuationsAsynchronously.
            TaskCompletionSource written = new();
            _checkpoint = written.Task;
            bool pause = end && _paused.Count == 0;
            try
            {
                await ActsEndedAsync();
                try
                {
                    if (pause)
                        await questions.PauseAsync(container.RunscId);
                    await write();
                }
                catch when (pause)
                {
                    await GoOnAsync(container, questions, resumeFailed, time);
                    throw;
                }
                if (!end || Died.IsCompleted)
                    return;
                EndedByCheckpoint = true;
                Kill();
            }
            finally
            {
                _checkpoint = null;
                written.SetResult();
            }
        });

    /// <summary>
    /// A sandbox whose runsc was killed writes on, for minutes perhaps, and takes no resume before it has ended.
    /// </summary>
    private async Task GoOnAsync(
        Container container, ISandboxQuestions questions, Action<Exception> resumeFailed, TimeProvider time)
    {
        for (int attempt = 0; attempt < ResumeAttempts && !Died.IsCompleted; attempt++)
            try
            {
                await questions.ResumeAsync(container.RunscId);
                return;
            }
            catch (RunscException e)
            {
                resumeFailed(e);
                if (e.Failure is RunscFailure.WrongState or RunscFailure.NotFound)
                    return; // it is not paused, or not any more
                await Task.Delay(s_resumeAgain, time);
            }
    }

    private async Task ActsEndedAsync()
    {
        if (_acts == 0)
            return;
        // Completed on the loop, hence without RunContinuationsAsynchronously.
        _actsEnded = new TaskCompletionSource();
        await _actsEnded.Task;
    }

    /// <summary>Undoes the pause of one of its containers.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task ResumeAsync(Container container, ISandboxQuestions questions) => _pausing.RunAsync(async () =>
    {
        if (_paused is [Container only] && only == container)
            await questions.ResumeAsync(_pausedThrough);
        _paused.Remove(container);
    });

    /// <summary>
    /// Does something that would hang in a paused sandbox: lets it go on meanwhile, and pauses it again where another
    /// container is paused.
    /// </summary>
    /// <param name="container">Whose pause ends with this.</param>
    /// <param name="questions">How the sandbox is told.</param>
    /// <param name="action">What is to be done.</param>
    public async Task WhileRunningAsync(Container container, ISandboxQuestions questions, Func<Task> action)
    {
        if (!IsPaused)
        {
            await ActAsync(action);
            return;
        }
        await _pausing.RunAsync(async () =>
        {
            if (_paused.Count > 0 && !Died.IsCompleted)
                await questions.ResumeAsync(_pausedThrough);
            _paused.Remove(container);
            try
            {
                await action();
            }
            finally
            {
                if (_paused is [Container other, ..] && !Died.IsCompleted)
                {
                    await questions.PauseAsync(other.RunscId);
                    _pausedThrough = other.RunscId;
                }
            }
        });
    }
}
