using System.Globalization;

namespace Shim.Runsc;

/// <summary>
/// The argument lists of runsc's commands, without the program's name. Pure functions; tests compare whole lists.
/// </summary>
internal static class RunscArguments
{
    // Only newer releases have these; RunscFeatures looks for the name before one is used.
    internal const string RestoreSpecValidation = "restore-spec-validation";
    internal const string FsCheckpoint = "fscheckpoint";
    internal const string FsRestoreImagePath = "fs-restore-image-path";
    internal const string FsRestoreDirect = "fs-restore-direct";
    internal const string Background = "background";
    internal const string SaveRestoreExecArgv = "save-restore-exec-argv";
    internal const string SaveRestoreExecTimeout = "save-restore-exec-timeout";
    internal const string CudaCheckpointPath = "cuda-checkpoint-path";
    internal const string CudaCheckpointSequential = "cuda-checkpoint-sequential";

    /// <summary>The flags in front of the command.</summary>
    public static List<string> Global(RunscSettings settings, string log)
    {
        List<string> arguments = [$"--root={settings.Root}", $"--log={log}", "--log-format=json"];
        if (settings.PanicLog is { } panicLog)
            arguments.Add($"--panic-log={panicLog}");
        foreach ((string flag, string value) in settings.Flags)
            arguments.Add($"--{flag}={value}");
        if (settings.Debug is { } debug)
        {
            arguments.Add("--debug");
            AddText(arguments, "debug-log", debug.Log);
            if (debug.LogDescriptor != 0)
                arguments.Add(string.Create(CultureInfo.InvariantCulture, $"--debug-log-fd={debug.LogDescriptor}"));
        }
        return arguments;
    }

    /// <summary><c>create</c>: creates a container, and its sandbox if it is the sandbox's first.</summary>
    /// <param name="id">The container.</param>
    /// <param name="bundle">Its directory.</param>
    /// <param name="pidFile">Receives the sandbox's process id.</param>
    /// <param name="consoleSocket">Receives the terminal's master; null: no terminal.</param>
    /// <param name="userLog">Where runsc writes messages for the sandbox's users; null: nowhere.</param>
    /// <param name="fileSystems">The image that holds the sandbox's file systems; null: they are new.</param>
    public static List<string> Create(string id, string bundle, string pidFile, string? consoleSocket,
        string? userLog, RestoreSettings? fileSystems = null)
    {
        List<string> arguments = ["create", "--bundle", bundle, "--pid-file", pidFile];
        if (consoleSocket is not null)
            arguments.AddRange(["--console-socket", consoleSocket]);
        if (userLog is not null)
            arguments.AddRange(["--user-log", userLog]);
        if (fileSystems is { } image)
        {
            arguments.AddRange([$"--{FsRestoreImagePath}", image.ImagePath]);
            AddSwitch(arguments, FsRestoreDirect, image.Direct);
        }
        arguments.Add(id);
        return arguments;
    }

    /// <summary><c>start</c>: starts the container's process.</summary>
    public static List<string> Start(string id) => ["start", id];

    /// <summary><c>restore</c>: continues a created container from an image.</summary>
    /// <param name="id">The container.</param>
    /// <param name="settings">The image, and how it is read.</param>
    public static List<string> Restore(string id, RestoreSettings settings)
    {
        List<string> arguments = ["restore", $"--image-path={settings.ImagePath}", "--detach"];
        AddSwitch(arguments, "direct", settings.Direct);
        AddSwitch(arguments, Background, settings.Background);
        arguments.Add(id);
        return arguments;
    }

    /// <summary><c>exec</c>: starts another process in a running container.</summary>
    /// <remarks>
    /// runsc runs as long as the process and exits with its status. Only with a terminal does it detach, since it
    /// hands over a terminal in no other way: it exits and leaves a child that runs as long as the process. Without a
    /// terminal this is avoided, because runsc reaps a child that ends before runsc does, and its status is lost.
    /// </remarks>
    /// <param name="id">The container.</param>
    /// <param name="processFile">The OCI process, as JSON.</param>
    /// <param name="pidFile">Receives the id of the node's process that represents it.</param>
    /// <param name="internalPidFile">Receives the process's id inside the sandbox.</param>
    /// <param name="consoleSocket">Receives the terminal's master; null: no terminal.</param>
    public static List<string> Exec(
        string id, string processFile, string pidFile, string internalPidFile, string? consoleSocket)
    {
        List<string> arguments =
            ["exec", "--process", processFile, "--pid-file", pidFile, "--internal-pid-file", internalPidFile];
        if (consoleSocket is not null)
            arguments.AddRange(["--detach", "--console-socket", consoleSocket]);
        arguments.Add(id);
        return arguments;
    }

    /// <summary><c>kill</c>: sends a signal.</summary>
    /// <param name="id">The container.</param>
    /// <param name="signal">The signal's number.</param>
    /// <param name="pid">The process's id inside the sandbox; 0: the container's first process.</param>
    /// <param name="all">Every process of the container; <paramref name="pid"/> is ignored then.</param>
    public static List<string> Kill(string id, int signal, int pid, bool all)
    {
        List<string> arguments = ["kill"];
        if (all)
            arguments.Add("--all");
        else if (pid != 0)
            arguments.AddRange(["--pid", pid.ToString(CultureInfo.InvariantCulture)]);
        arguments.AddRange([id, signal.ToString(CultureInfo.InvariantCulture)]);
        return arguments;
    }

    /// <summary><c>delete --force</c>: ends a running container and removes it. A missing one is no error.</summary>
    public static List<string> DeleteForce(string id) => ["delete", "--force", id];

    /// <summary><c>wait</c>: waits until something has ended; for a process, prints its exit status.</summary>
    /// <param name="id">The container.</param>
    /// <param name="what">What to wait for.</param>
    /// <param name="pid">For an exit: the process's id in the container; 0: the container's first process.</param>
    /// <param name="rootPid">For an exit: the process's id in the sandbox; 0: as <paramref name="pid"/> says.</param>
    public static List<string> Wait(string id, WaitFor what = WaitFor.Exit, int pid = 0, int rootPid = 0)
    {
        List<string> arguments = ["wait"];
        if (WaitFlag(what) is { } flag)
            arguments.Add($"--{flag}");
        if (pid > 0)
            arguments.AddRange(["--pid", pid.ToString(CultureInfo.InvariantCulture)]);
        if (rootPid > 0)
            arguments.AddRange(["--rootpid", rootPid.ToString(CultureInfo.InvariantCulture)]);
        arguments.Add(id);
        return arguments;
    }

    /// <summary>The flag of <c>wait</c>; null for the end of a process.</summary>
    internal static string? WaitFlag(WaitFor what) => what switch
    {
        WaitFor.Checkpoint => "checkpoint",
        WaitFor.Restore => "restore",
        WaitFor.FileSystemCheckpoint => "fscheckpoint",
        WaitFor.FileSystemRestore => "fsrestore",
        _ => null,
    };

    /// <summary><c>events --stats</c>: the container's statistics once, as JSON.</summary>
    public static List<string> Stats(string id) => ["events", "--stats", id];

    /// <summary><c>state</c>: the OCI state, as JSON.</summary>
    public static List<string> State(string id) => ["state", id];

    /// <summary><c>pause</c>: pauses the whole sandbox.</summary>
    public static List<string> Pause(string id) => ["pause", id];

    /// <summary><c>resume</c>: resumes the whole sandbox.</summary>
    public static List<string> Resume(string id) => ["resume", id];

    /// <summary><c>checkpoint</c>: writes an image of the whole sandbox.</summary>
    /// <param name="id">Any container of the sandbox.</param>
    /// <param name="imagePath">The directory for the image.</param>
    /// <param name="settings">The options.</param>
    public static List<string> Checkpoint(string id, string imagePath, CheckpointSettings settings)
    {
        List<string> arguments = ["checkpoint", $"--image-path={imagePath}"];
        AddSwitch(arguments, "leave-running", settings.LeaveRunning);
        AddText(arguments, "compression", settings.Compression);
        AddSwitch(arguments, "direct", settings.Direct);
        AddSwitch(arguments, "exclude-committed-zero-pages", settings.ExcludeCommittedZeroPages);
        AddText(arguments, SaveRestoreExecArgv, settings.SaveRestoreExecArgv);
        AddText(arguments, SaveRestoreExecTimeout, settings.SaveRestoreExecTimeout);
        AddText(arguments, CudaCheckpointPath, settings.CudaCheckpointPath);
        AddSwitch(arguments, CudaCheckpointSequential, settings.CudaCheckpointSequential);
        AddText(arguments, "work-path", settings.WorkPath);
        arguments.Add(id);
        return arguments;
    }

    /// <summary><c>fscheckpoint</c>: writes an image of file systems.</summary>
    /// <param name="id">Any container of the sandbox.</param>
    /// <param name="imagePath">The directory for the image.</param>
    /// <param name="settings">The options.</param>
    public static List<string> FileSystemCheckpoint(string id, string imagePath, FileSystemCheckpointSettings settings)
    {
        List<string> arguments = [FsCheckpoint, $"--image-path={imagePath}"];
        AddSwitch(arguments, "leave-running", settings.LeaveRunning);
        AddSwitch(arguments, "direct", settings.Direct);
        AddText(arguments, "path", settings.Path);
        arguments.Add(id);
        return arguments;
    }

    private static void AddSwitch(List<string> arguments, string flag, bool set)
    {
        if (set)
            arguments.Add($"--{flag}");
    }

    private static void AddText(List<string> arguments, string flag, string value)
    {
        if (value.Length > 0)
            arguments.Add($"--{flag}={value}");
    }
}
