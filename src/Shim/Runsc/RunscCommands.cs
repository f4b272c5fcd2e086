using Linux;

namespace Shim.Runsc;

/// <summary>What runsc is told to do with containers. Questions to a running sandbox are <see cref="ISandboxControl"/>.</summary>
/// <remarks>
/// Each wait has an end. The bounds are far beyond what the commands take (create and start a fifth of a second, delete
/// less), so that only a runsc that hangs meets them.
/// </remarks>
internal sealed class RunscCommands(RunscRunner runner, RunscFeatures features)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_imageBound = TimeSpan.FromMinutes(30);

    /// <summary>Which runsc, and its flags.</summary>
    public RunscSettings Settings => runner.Settings;

    /// <summary>Whether runsc has a container of exactly this id.</summary>
    public bool Has(string id) => RunscStateFile.Find(Settings.Root, id) is not null;

    /// <summary>Makes a container.</summary>
    /// <param name="isSandbox">Whether it is the first of its sandbox, which is made with it.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A sandbox's first container keeps these as its standard streams.</param>
    /// <param name="fileSystems">The image from which its sandbox's file systems are restored; null: they begin anew.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task CreateAsync(
        string id, bool isSandbox, string bundle, string pidFile, string? consoleSocket, string? userLog, string log,
        IReadOnlyList<Descriptor?> stdio, RestoreSettings? fileSystems = null)
    {
        if (fileSystems is not null)
            await features.RequireAsync(runner, "create", RunscArguments.FsRestoreImagePath);
        await runner.RunAsync(
            RunscArguments.Create(id, bundle, pidFile, consoleSocket, userLog, fileSystems), log, s_bound, stdio, isSandbox);
    }

    /// <summary>Lets a container's process run.</summary>
    /// <param name="id">The container.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">A container that is not its sandbox's first keeps these as its standard streams.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task StartAsync(string id, string log, IReadOnlyList<Descriptor?> stdio) =>
        runner.RunAsync(RunscArguments.Start(id), log, s_bound, stdio);

    /// <summary>Lets a container go on where an image was taken, once all containers of the image were told to.</summary>
    /// <param name="id">The container.</param>
    /// <param name="settings">The image, and how it is read.</param>
    /// <param name="log">The file for runsc's log.</param>
    /// <param name="stdio">
    /// A container that is not its sandbox's first keeps these as its standard streams; the first has those that it was
    /// created with.
    /// </param>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task RestoreAsync(string id, RestoreSettings settings, string log, IReadOnlyList<Descriptor?> stdio)
    {
        if (settings.Background)
            await features.RequireAsync(runner, "restore", RunscArguments.Background);
        await runner.RunAsync(RunscArguments.Restore(id, settings), log, s_imageBound, stdio);
    }

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
    /// <param name="id">Any container of the sandbox.</param>
    /// <param name="imagePath">The directory for the image.</param>
    /// <param name="settings">What else is asked.</param>
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
    /// <param name="what">What is waited for.</param>
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
        // The flag --checkpoint of older releases takes a number and means something else.
        if (RunscArguments.WaitFlag(what) is { } flag)
            await features.RequireAsync(runner, "wait", flag, asSwitch: true);
        byte[] answer = await runner.RunUntilAsync(RunscArguments.Wait(id, what, pid, rootPid), log, abandon);
        return what == WaitFor.Exit ? RunscWaitAnswer.Parse(answer) : 0;
    }

    /// <summary>Makes runsc look at a container; the answer is not used, only what it writes to its logs.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task StateAsync(string id, string log) => runner.RunAsync(RunscArguments.State(id), log, s_bound);

    /// <summary>runsc's version, a line, and that of the OCI specification, another.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<string> VersionTextAsync() => runner.VersionTextAsync();

    /// <summary>runsc's version.</summary>
    /// <exception cref="RunscException">It failed.</exception>
    public Task<string> VersionAsync() => features.VersionAsync(runner);

    /// <summary>Whether runsc itself, not a command of it, has a flag.</summary>
    /// <exception cref="RunscException">It cannot be started.</exception>
    public Task<bool> HasFlagAsync(string flag) => features.HasAsync(runner, "", flag);

    /// <summary>The same with a debug log; null: without.</summary>
    public RunscCommands WithDebug(DebugSettings? debug) =>
        debug is null ? this : new RunscCommands(runner.WithDebug(debug), features);
}
