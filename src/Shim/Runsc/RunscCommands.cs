using Linux;

namespace Shim.Runsc;

/// <summary>What runsc is told to do with containers. Questions to a running sandbox are <see cref="ISandboxQuestions"/>.</summary>
/// <remarks>
/// Each wait has an end. The bounds are far beyond what the commands take (create and start a fifth of a second, delete
/// less), so that only a runsc that hangs meets them.
/// </remarks>
public sealed class RunscCommands(RunscRunner runner)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_imageBound = TimeSpan.FromMinutes(30);

    /// <summary>Which runsc, and its flags.</summary>
    public RunscSettings Settings => runner.Settings;

    /// <summary>Whether runsc has a container of exactly this id.</summary>
    public bool Has(string id) => RunscStateFile.Find(Settings.Root, id) is not null;

    /// <summary>Makes a container.</summary>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A sandbox's first container keeps these as its standard streams.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task CreateAsync(
        string id, string bundle, string pidFile, string? consoleSocket, string? userLog, string log,
        IReadOnlyList<Descriptor?> stdio) =>
        runner.RunAsync(RunscArguments.Create(id, bundle, pidFile, consoleSocket, userLog), log, s_bound, stdio);

    /// <summary>Lets a container's process run.</summary>
    /// <param name="id">The container.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A container that is not its sandbox's first keeps these as its standard streams.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task StartAsync(string id, string log, IReadOnlyList<Descriptor?> stdio) =>
        runner.RunAsync(RunscArguments.Start(id), log, s_bound, stdio);

    /// <summary>Lets a sandbox's first container go on where an image was taken. It keeps the streams that it was created with.</summary>
    /// <param name="id">The container.</param>
    /// <param name="imagePath">The image's directory.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task RestoreAsync(string id, string imagePath, string log) =>
        runner.RunAsync(RunscArguments.Restore(id, imagePath), log, s_imageBound);

    /// <summary>Starts a further process in a running container.</summary>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">The process's standard streams; with a console socket they are not used.</param>
    /// <returns>
    /// The end of the host's process that stands for it, whose id is in the pid file: its exit status is the process's.
    /// </returns>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<Task<ProcessExit>> ExecAsync(
        string id, string processFile, string pidFile, string internalPidFile, string? consoleSocket, string log,
        IReadOnlyList<Descriptor?> stdio)
    {
        List<string> arguments = RunscArguments.Exec(id, processFile, pidFile, internalPidFile, consoleSocket);
        return consoleSocket is null
            ? runner.RunUntilWrittenAsync(arguments, log, s_bound, stdio, pidFile)
            : runner.RunAndLeaveAsync(arguments, log, s_bound, stdio, pidFile);
    }

    /// <summary>Ends a container if it runs, and removes it. Does nothing where runsc has none of exactly this id.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task DeleteAsync(string id, string log)
    {
        if (Has(id))
            await runner.RunAsync(RunscArguments.DeleteForce(id), log, s_bound);
    }

    /// <summary>Writes an image of the whole sandbox.</summary>
    /// <param name="log">The file for runsc's log.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task CheckpointAsync(string id, string imagePath, bool leaveRunning, string log) =>
        runner.RunAsync(RunscArguments.Checkpoint(id, imagePath, leaveRunning), log, s_imageBound);
}
