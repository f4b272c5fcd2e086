using Shim.Logging;

namespace Shim.Containers;

/// <summary>What to take back if something later fails, the latest first.</summary>
public sealed class Undo(string containerId, ShimLog log)
{
    private readonly Stack<(string What, Func<Task> Take)> _steps = new();

    /// <summary>Remembers how to take a step back.</summary>
    /// <param name="what">What messages call it.</param>
    /// <param name="undo">Takes it back.</param>
    public void Add(string what, Func<Task> undo) => _steps.Push((what, undo));

    /// <summary>Remembers a file to remove.</summary>
    public void AddFile(string path) => Add($"remove {path}", () =>
    {
        File.Delete(path);
        return Task.CompletedTask;
    });

    /// <summary>Takes all steps back. One that fails is logged and does not keep the others from being taken back.</summary>
    public async Task TakeBackAsync()
    {
        while (_steps.TryPop(out (string What, Func<Task> Take) step))
        {
            try
            {
                await step.Take();
            }
            catch (Exception e)
            {
                log.UndoFailed(containerId, step.What, e);
            }
        }
    }
}
