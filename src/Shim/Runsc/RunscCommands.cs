using Linux;

namespace Shim.Runsc;

/// <summary>
/// Runs the commands that change containers. Requests to a running sandbox are <see cref="ISandboxControl"/>.
/// </summary>
/// <remarks>
/// Each wait is bounded. The bounds are far longer than the commands take (create and start a fifth of a second, delete
/// less), so only a runsc that hangs reaches them.
/// </remarks>
internal sealed class RunscCommands(RunscRunner runner, RunscFeatures features)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_imageBound = TimeSpan.FromMinutes(30);

    /// <summary>Which runsc, and its flags.</summary>
    public RunscSettings Settings => runner.Settings;

    /// <summary>Creates a container.</summary>
    /// <param name="isSandbox">Whether it is the first of its sandbox, which is created with it.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A sandbox's first container keeps these as its standard streams.</param>
    /// <param name="givenUp">Completes when the container is no longer wanted: then the command is killed.</param>
    /// <param name="fileSystems">The image that holds the sandbox's file systems; null: they are new.</param>
    /// <inheritdoc cref="RunscArguments.Create"/>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task CreateAsync(
        string id, bool isSandbox, string bundle, string pidFile, string? consoleSocket, string? userLog, string log,
        IReadOnlyList<Descriptor?> stdio, Task givenUp, RestoreSettings? fileSystems = null)
    {
        if (fileSystems is not null)
            await features.RequireAsync(runner, "create", RunscArguments.FsRestoreImagePath);
        await runner.RunAsync(
            RunscArguments.Create(id, bundle, pidFile, consoleSocket, userLog, fileSystems), log, s_bound, stdio,
            isSandbox, givenUp);
    }

    /// <summary>Starts a container's process.</summary>
    /// <param name="id">The container.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A container that is not its sandbox's first keeps these as its standard streams.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task StartAsync(string id, string log, IReadOnlyList<Descriptor?> stdio) =>
        runner.RunAsync(RunscArguments.Start(id), log, s_bound, stdio);

    /// <summary>
    /// Restores a container from an image. It runs when all containers of the image have been restored.
    /// </summary>
    /// <param name="id">The container.</param>
    /// <param name="settings">The image, and how it is read.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">
    /// A container that is not its sandbox's first keeps these as its standard streams; the first keeps those that it
    /// was created with.
    /// </param>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task RestoreAsync(string id, RestoreSettings settings, string log, IReadOnlyList<Descriptor?> stdio)
    {
        if (settings.Background)
            await features.RequireAsync(runner, "restore", RunscArguments.Background);
        await runner.RunAsync(RunscArguments.Restore(id, settings), log, s_imageBound, stdio);
    }

    /// <summary>Starts another process in a running container.</summary>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">The process's standard streams; not used with a console socket.</param>
    /// <param name="late">Gets the command if it takes too long: it is not killed, since the process may come still.
    /// </param>
    /// <inheritdoc cref="RunscArguments.Exec"/>
    /// <returns>
    /// The end of the node's process that represents it, whose id is in the pid file. It exits with the same status.
    /// </returns>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<Task<ProcessExit>> ExecAsync(
        string id, string processFile, string pidFile, string internalPidFile, string? consoleSocket, string log,
        IReadOnlyList<Descriptor?> stdio, Action<ChildProcess> late)
    {
        List<string> arguments = RunscArguments.Exec(id, processFile, pidFile, internalPidFile, consoleSocket);
        return consoleSocket is null
            ? runner.RunUntilWrittenAsync(arguments, log, s_bound, stdio, pidFile, late)
            : runner.RunAndLeaveAsync(arguments, log, s_bound, stdio, pidFile, late);
    }

    /// <summary>
    /// Ends a running container and removes it. Does nothing if runsc has none of exactly this id and bundle.
    /// </summary>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task DeleteAsync(string id, string bundle, string log)
    {
        if (RunscStateFile.FindOwn(Settings.Root, id, bundle) is not null)
            await runner.RunAsync(RunscArguments.DeleteForce(id), log, s_bound);
    }

    /// <summary>Writes an image of the whole sandbox.</summary>
    /// <param name="id">Any container of the sandbox.</param>
    /// <param name="imagePath">The directory for the image.</param>
    /// <param name="settings">The options.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task CheckpointAsync(string id, string imagePath, CheckpointSettings settings, string log)
    {
        foreach ((bool wanted, string flag) in ((bool, string)[])
        [
            (settings.SaveRestoreExecArgv.Length > 0, RunscArguments.SaveRestoreExecArgv),
            (settings.SaveRestoreExecTimeout.Length > 0, RunscArguments.SaveRestoreExecTimeout),
            (settings.CudaCheckpointPath.Length > 0, RunscArguments.CudaCheckpointPath),
            (settings.CudaCheckpointSequential, RunscArguments.CudaCheckpointSequential),
        ])
            if (wanted)
                await features.RequireAsync(runner, "checkpoint", flag);
        await runner.RunAsync(RunscArguments.Checkpoint(id, imagePath, settings), log, s_imageBound);
    }

    /// <summary>Writes an image of file systems of the sandbox.</summary>
    /// <inheritdoc cref="CheckpointAsync"/>
    public async Task CheckpointFileSystemsAsync(
        string id, string imagePath, FileSystemCheckpointSettings settings, string log)
    {
        await features.RequireAsync(runner, RunscArguments.FsCheckpoint, null);
        await runner.RunAsync(RunscArguments.FileSystemCheckpoint(id, imagePath, settings), log, s_imageBound);
    }

    /// <summary>Waits until something has ended.</summary>
    /// <param name="id">The container.</param>
    /// <param name="what">What to wait for.</param>
    /// <param name="pid">For an exit: the process's id in the container; 0: the container's first process.</param>
    /// <param name="rootPid">For an exit: the process's id in the sandbox; 0: as <paramref name="pid"/> says.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="abandon">Ends the wait, which then fails.</param>
    /// <returns>For an exit, the process's exit status; else 0.</returns>
    /// <exception cref="RunscException">It failed.</exception>
    /// <exception cref="OperationCanceledException">It was abandoned.</exception>
    public async Task<int> WaitAsync(
        string id, WaitFor what, int pid, int rootPid, string log, CancellationToken abandon)
    {
        // In older releases the flag --checkpoint takes a number and means something else.
        if (RunscArguments.WaitFlag(what) is { } flag)
            await features.RequireAsync(runner, "wait", flag, asSwitch: true);
        byte[] answer = await runner.RunUntilAsync(RunscArguments.Wait(id, what, pid, rootPid), log, abandon);
        return what == WaitFor.Exit ? RunscWaitAnswer.Parse(answer) : 0;
    }

    /// <summary>Runs <c>runsc state</c> for what it writes to its logs; the answer is not used.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task StateAsync(string id, string log) => runner.RunAsync(RunscArguments.State(id), log, s_bound);

    /// <summary>The versions of runsc and of the OCI specification, one on each line.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<string> VersionTextAsync() => runner.VersionTextAsync();

    /// <summary>runsc's version.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<string> VersionAsync() => features.VersionAsync(runner);

    /// <summary>Whether runsc itself, as opposed to one of its commands, has a flag.</summary>
    /// <exception cref="RunscException">It cannot be started.</exception>
    public Task<bool> HasFlagAsync(string flag) => features.HasAsync(runner, "", flag);

    /// <summary>The same commands with a debug log; null: unchanged.</summary>
    public RunscCommands WithDebug(DebugSettings? debug) =>
        debug is null ? this : new RunscCommands(runner.WithDebug(debug), features);
}
