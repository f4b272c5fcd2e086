using Shim.Logging;

namespace Shim.Containers;

/// <summary>What to undo if a later step fails, the latest first.</summary>
internal sealed class Undo(string containerId, ShimLog log)
{
    private readonly Stack<(string What, Func<Task> Take, bool UnlessFailed)> _steps = new();

    /// <summary>Adds a step.</summary>
    /// <param name="what">What it does, for messages.</param>
    /// <param name="undo">The step.</param>
    public void Add(string what, Func<Task> undo) => _steps.Push((what, undo, UnlessFailed: false));

    /// <inheritdoc cref="Add(string, Func{Task})"/>
    public void Add(string what, Action undo) => _steps.Push((what, Completed(undo), UnlessFailed: false));

    /// <summary>Adds a step that is left out if a later one fails: it removes what a clean-up then needs.</summary>
    /// <inheritdoc cref="Add(string, Func{Task})"/>
    public void AddUnlessFailed(string what, Action undo) => _steps.Push((what, Completed(undo), UnlessFailed: true));

    /// <summary>
    /// Adds the removal of a file. The directory may be gone too: containerd may have removed the bundle.
    /// </summary>
    public void AddFile(string path) => Add($"remove {path}", () => Delete(path));

    /// <summary>Deletes a file, if it exists.</summary>
    /// <exception cref="IOException">It cannot be deleted.</exception>
    public static void Delete(string path)
    {
        if (File.Exists(path))
            File.Delete(path);
    }

    /// <summary>Runs all steps. One that fails is logged and does not prevent the others.</summary>
    public async Task RunAsync()
    {
        bool failed = false;
        while (_steps.TryPop(out (string What, Func<Task> Take, bool UnlessFailed) step))
        {
            if (step.UnlessFailed && failed)
                continue;
            try
            {
                await step.Take();
            }
            catch (Exception e)
            {
                failed = true;
                log.UndoFailed(containerId, step.What, e);
            }
        }
    }

    private static Func<Task> Completed(Action undo) => () =>
    {
        undo();
        return Task.CompletedTask;
    };
}
