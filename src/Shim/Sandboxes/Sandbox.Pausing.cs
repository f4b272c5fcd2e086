using Linux;
using Shim.Runsc;

namespace Shim.Sandboxes;

/// <summary>What runs in the sandbox, what pauses it, and who waits for whom.</summary>
internal sealed partial class Sandbox
{
    private readonly OrderedOperations _pausing = new();
    private readonly List<ISandboxMember> _paused = [];
    private readonly List<(string What, Func<Task> Act)> _atResume = [];
    private string _pausedThrough = "";
    private bool _pauseComing;
    private int _acts;
    private TaskCompletionSource? _actsEnded;

    /// <summary>Whether one of its containers is paused, and so all of them, or is about to be.</summary>
    public bool IsPaused => _pauseComing || _paused.Count > 0;

    /// <summary>Whether it is being paused, resumed or saved.</summary>
    public bool IsChanging => _pausing.IsBusy;

    /// <summary>Does something when the paused sandbox runs again. A failure is only logged.</summary>
    /// <param name="what">What it concerns, for messages.</param>
    /// <param name="act">What to do.</param>
    public void AtResume(string what, Func<Task> act) => _atResume.Add((what, act));

    /// <summary>
    /// Does something that needs the sandbox to run. A pause or a checkpoint that is requested meanwhile waits for it,
    /// and it waits for a checkpoint that is being written. The caller has seen that the sandbox is not paused.
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

    /// <summary>Pauses the sandbox for one of its containers.</summary>
    /// <remarks>
    /// A pause is of the whole sandbox, and runsc's pauses nest: each pause needs its own resume. So runsc gets only
    /// the first pause and the last resume.
    /// </remarks>
    /// <exception cref="Runsc.RunscException">It failed.</exception>
    public Task PauseAsync(ISandboxMember container) => _pausing.RunAsync(async () =>
    {
        if (_paused.Count == 0)
        {
            _pauseComing = true;
            try
            {
                await ActsEndedAsync();
                await Control.PauseAsync(container.RunscId);
                _pausedThrough = container.RunscId;
            }
            catch
            {
                _pauseComing = false;
                await ActAfterResumeAsync(); // signals that came meanwhile
                throw;
            }
            _pauseComing = false;
        }
        _paused.Add(container);
    });

    /// <summary>Undoes the pause for one of its containers.</summary>
    /// <exception cref="Runsc.RunscException">It failed.</exception>
    public Task ResumeAsync(ISandboxMember container) => _pausing.RunAsync(async () =>
    {
        bool isLast = _paused is [ISandboxMember only] && only == container;
        if (isLast)
            await Control.ResumeAsync(_pausedThrough);
        _paused.Remove(container);
        if (isLast)
            await ActAfterResumeAsync();
    });

    /// <summary>
    /// Does something that would hang in a paused sandbox: resumes it first, and pauses it again if another container
    /// is paused.
    /// </summary>
    /// <param name="container">The container whose pause ends with this; null: nobody's does.</param>
    /// <param name="action">What to do.</param>
    public async Task WhileRunningAsync(ISandboxMember? container, Func<Task> action)
    {
        if (!IsPaused)
        {
            await ActAsync(action);
            return;
        }
        await _pausing.RunAsync(async () =>
        {
            if (_paused.Count > 0 && !Died.IsCompleted)
                await Control.ResumeAsync(_pausedThrough);
            if (container is not null)
                _paused.Remove(container);
            try
            {
                await action();
            }
            finally
            {
                await PauseAgainAsync();
            }
        });
    }

    /// <summary>A failure is only logged, so that it hides no other.</summary>
    private async Task PauseAgainAsync()
    {
        if (Died.IsCompleted)
            return;
        if (_paused is not [ISandboxMember other, ..])
        {
            await ActAfterResumeAsync();
            return;
        }
        try
        {
            await Control.PauseAsync(other.RunscId);
            _pausedThrough = other.RunscId;
        }
        catch (RunscException e)
        {
            _context.Log.PauseAgainFailed(other.Id, Id, e);
        }
    }

    private async Task ActAfterResumeAsync()
    {
        (string, Func<Task>)[] acts = [.. _atResume];
        _atResume.Clear();
        foreach ((string what, Func<Task> act) in acts)
            try
            {
                await act();
            }
            catch (Exception e) when (e is RunscException or RefusedException)
            {
                _context.Log.SignalAtResumeFailed(what, Id, e);
            }
    }

    private async Task ActsEndedAsync()
    {
        if (_acts == 0)
            return;
        _actsEnded = LoopTask.NewSource();
        await _actsEnded.Task;
    }
}
