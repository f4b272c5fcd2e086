using Linux;

namespace Shim.Runsc;

/// <summary>Runs runsc's commands as children of this process and turns their failures into exceptions.</summary>
/// <remarks>
/// A command ends when its process ends, not when a stream does: the sandbox that <c>create</c> leaves behind inherits
/// everything that <c>create</c> had open. Output goes to a memory file and is read after the command has ended, so no
/// pipe can fill up.
/// </remarks>
internal sealed class RunscRunner(IChildProcesses processes, TimeProvider time, RunscSettings settings)
{
    /// <summary>How much of a command's output is read, in bytes.</summary>
    public const int OutputLimit = 1 << 20;

    private const int LogLimit = 1 << 20;
    private static readonly TimeSpan s_firstLook = TimeSpan.FromMilliseconds(4);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_usualTime = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_helpBound = TimeSpan.FromSeconds(5);

    /// <summary>Which runsc, and its flags.</summary>
    public RunscSettings Settings { get; } = settings;

    /// <summary>Runs a command whose output is not a container's.</summary>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="log">The file for its log.</param>
    /// <param name="bound">How long it may take before it is killed.</param>
    /// <param name="limit">How much of its output is read, in bytes; a sandbox may have written it.</param>
    /// <returns>What it printed on its standard output.</returns>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task<byte[]> RunAsync(List<string> arguments, string log, TimeSpan bound, int limit = OutputLimit)
    {
        using Descriptor output = MemoryFile.Create("runsc-stdout"), errors = MemoryFile.Create("runsc-stderr");
        await RunAsync(arguments, log, bound, [null, output, errors], errors);
        return MemoryFile.Read(output, limit);
    }

    /// <summary>Runs a command whose standard streams are a container's.</summary>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="log">The file for its log.</param>
    /// <param name="bound">How long it may take before it is killed.</param>
    /// <param name="stdio">Its descriptors 0 to 2; null stands for /dev/null.</param>
    /// <param name="leavesSandbox">Whether it leaves a sandbox behind.</param>
    /// <param name="givenUp">Completes when its result is no longer wanted: then it is killed; null: never.</param>
    /// <exception cref="RunscException">It failed.</exception>
    public Task RunAsync(List<string> arguments, string log, TimeSpan bound, IReadOnlyList<Descriptor?> stdio,
        bool leavesSandbox = false, Task? givenUp = null) =>
        RunAsync(arguments, log, bound, stdio, errors: null, leavesSandbox, givenUp);

    /// <summary>Runs a command that lives as long as the process that it starts.</summary>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="log">The file for its log.</param>
    /// <param name="bound">How long it may take to start the process before it is killed.</param>
    /// <param name="stdio">Its descriptors 0 to 2, which become the process's.</param>
    /// <param name="pidFile">The file to which it writes its process id when the process runs.</param>
    /// <param name="late">Gets the command if it takes longer, instead of a SIGKILL.</param>
    /// <returns>The command's end, as soon as it has written the file.</returns>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task<Task<ProcessExit>> RunUntilWrittenAsync(List<string> arguments, string log, TimeSpan bound,
        IReadOnlyList<Descriptor?> stdio, string pidFile, Action<ChildProcess> late)
    {
        long logStart = LengthOf(log), start = time.GetTimestamp();
        ChildProcess child = Start(arguments, log, stdio);
        // The file appears after 5 to 50 ms; a notification would cost more than polling.
        for (TimeSpan pause = s_firstLook; !IsWritten(pidFile); pause = NextPause(pause, time.GetElapsedTime(start)))
        {
            if (child.Exited.IsCompleted)
            {
                if (IsWritten(pidFile))
                    break;
                throw await FailureAsync(arguments, await child.Exited, log, logStart, errors: null);
            }
            if (time.GetElapsedTime(start) > bound)
            {
                late(child);
                throw TookTooLong(arguments, bound);
            }
            await Task.WhenAny(child.Exited, Task.Delay(pause, time));
        }
        return child.Exited;
    }

    /// <summary>Soon at first; less and less often in a sandbox that hangs.</summary>
    private static TimeSpan NextPause(TimeSpan pause, TimeSpan elapsed) =>
        elapsed < s_usualTime ? s_look : Backoff.Next(pause, s_longestPause);

    /// <summary>Runs a command that leaves behind a child, which lives as long as the process that it starts.</summary>
    /// <inheritdoc cref="RunUntilWrittenAsync"/>
    public async Task<Task<ProcessExit>> RunAndLeaveAsync(List<string> arguments, string log, TimeSpan bound,
        IReadOnlyList<Descriptor?> stdio, string pidFile, Action<ChildProcess> late)
    {
        await RunAsync(arguments, log, bound, stdio, errors: null, late: late);
        return processes.WatchAsync(PidFile.Read(pidFile));
    }

    /// <summary>Runs a command that lives as long as what it watches, such as <c>wait</c>.</summary>
    /// <param name="arguments">The command and its arguments.</param>
    /// <param name="log">The file for its log.</param>
    /// <param name="abandon">Kills the command, which then fails.</param>
    /// <returns>What it printed on its standard output.</returns>
    /// <exception cref="RunscException">It failed.</exception>
    public async Task<byte[]> RunUntilAsync(List<string> arguments, string log, CancellationToken abandon)
    {
        using Descriptor output = MemoryFile.Create("runsc-stdout"), errors = MemoryFile.Create("runsc-stderr");
        ChildProcess command = Start(arguments, log, [null, output, errors]);
        using CancellationTokenRegistration end = abandon.Register(() => command.Kill(Signals.SIGKILL));
        ProcessExit exit = await command.Exited;
        if (exit.ExitCode != 0)
            throw RunscLog.Failure(arguments[0], exit.ExitCode, [], MemoryFile.Read(errors, LogLimit));
        return MemoryFile.Read(output, OutputLimit);
    }

    private ChildProcess Start(
        List<string> arguments, string log, IReadOnlyList<Descriptor?> stdio, bool leavesSandbox = false)
    {
        List<string> argv = [Settings.Binary, .. RunscArguments.Global(Settings, log), .. arguments];
        try
        {
            return processes.Spawn(RunscProcess.Request(argv, stdio, leavesSandbox));
        }
        catch (LinuxException e)
        {
            throw new RunscException(RunscFailure.NotRunnable,
                $"cannot start runsc: {e.Message}; set binary_name in the shim's configuration", e);
        }
    }

    /// <summary>The same runsc with a debug log; null: unchanged.</summary>
    public RunscRunner WithDebug(DebugSettings? debug) =>
        debug is null ? this : new RunscRunner(processes, time, Settings with { Debug = debug });

    /// <summary>The versions of runsc and of the OCI specification, one on each line.</summary>
    /// <exception cref="RunscException">It cannot be started, or ends with an error.</exception>
    public async Task<string> VersionTextAsync() =>
        RunscVersion.Lines(await RunAsync(["--version"], "/dev/null", s_helpBound));

    /// <summary>runsc's version.</summary>
    /// <inheritdoc cref="VersionTextAsync"/>
    public async Task<string> VersionAsync() => RunscVersion.Parse(await VersionTextAsync());

    /// <summary>What a help command prints on both streams; null if it ends with an error.</summary>
    /// <exception cref="RunscException">runsc cannot be started, or did not end in time.</exception>
    public async Task<byte[]?> HelpAsync(List<string> arguments)
    {
        (bool succeeded, byte[] output) = await PrintAsync(arguments, "/dev/null");
        return succeeded ? output : null;
    }

    /// <summary>Runs a command that only prints.</summary>
    private async Task<(bool Succeeded, byte[] Output)> PrintAsync(List<string> arguments, string log)
    {
        using Descriptor output = MemoryFile.Create("runsc-help");
        ChildProcess help = Start(arguments, log, [null, output, output]);
        try
        {
            ProcessExit exit = await help.Exited.WaitAsync(s_helpBound, time);
            return (exit.ExitCode == 0, MemoryFile.Read(output, LogLimit));
        }
        catch (TimeoutException)
        {
            help.Kill(Signals.SIGKILL);
            throw TimedOut(arguments, s_helpBound);
        }
    }

    private async Task RunAsync(
        List<string> arguments, string log, TimeSpan bound, IReadOnlyList<Descriptor?> stdio, Descriptor? errors,
        bool leavesSandbox = false, Task? givenUp = null, Action<ChildProcess>? late = null)
    {
        long logStart = LengthOf(log);
        ChildProcess child = Start(arguments, log, stdio, leavesSandbox);
        bool isInTime = await LoopTask.AnyWithinAsync(bound, time, child.Exited, givenUp ?? child.Exited);
        if (!child.Exited.IsCompleted && late is not null)
        {
            late(child);
            throw TookTooLong(arguments, bound);
        }
        if (!child.Exited.IsCompleted)
        {
            // Does not wait: a process in an uninterruptible call ends only when the call does; the reaper reaps it.
            child.Kill(Signals.SIGKILL);
            throw isInTime ? new RunscException(RunscFailure.Failed, $"runsc {arguments[0]}: given up, and killed")
                : TimedOut(arguments, bound);
        }
        ProcessExit exit = await child.Exited;
        if (exit.ExitCode != 0)
            throw await FailureAsync(arguments, exit, log, logStart, errors);
    }

    /// <summary>The exception for a command that ended with an error.</summary>
    private async Task<RunscException> FailureAsync(
        List<string> arguments, ProcessExit exit, string log, long logStart, Descriptor? errors)
    {
        byte[] logged = Tail(log, logStart);
        byte[] printed = errors is not null ? MemoryFile.Read(errors, LogLimit)
            : logged.Length == 0 ? await FlagErrorAsync(log)
            : [];
        return RunscLog.Failure(arguments[0], exit.ExitCode, logged, printed);
    }

    private static RunscException TookTooLong(List<string> arguments, TimeSpan bound) =>
        new(RunscFailure.TimedOut, $"runsc {arguments[0]}: timed out after {bound.TotalSeconds:0} s");

    private static RunscException TimedOut(List<string> arguments, TimeSpan bound) =>
        new(RunscFailure.TimedOut, $"runsc {arguments[0]}: timed out after {bound.TotalSeconds:0} s and was killed");

    /// <summary>Whether runsc has written a process id: it writes these few digits at once.</summary>
    private static bool IsWritten(string file) => new FileInfo(file) is { Exists: true, Length: > 0 };

    /// <summary>
    /// runsc's error about its flags. It goes only to standard error, which was the container's, so a command that does
    /// nothing repeats it here.
    /// </summary>
    private async Task<byte[]> FlagErrorAsync(string log)
    {
        try
        {
            (bool succeeded, byte[] output) = await PrintAsync(["help"], log);
            return succeeded ? [] : output;
        }
        catch (RunscException)
        {
            // The first failure is reported, with or without its reason.
            return [];
        }
    }

    /// <summary>The log's length before a command. A log that has become too long is emptied.</summary>
    private static long LengthOf(string log)
    {
        var file = new FileInfo(log);
        if (!file.Exists)
            return 0;
        if (file.Length <= LogLimit)
            return file.Length;
        File.WriteAllBytes(log, []);
        return 0;
    }

    /// <summary>What was appended to the log since it was <paramref name="start"/> bytes long.</summary>
    private static byte[] Tail(string log, long start)
    {
        try
        {
            using FileStream file = new(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            bool cut = file.Length - start > LogLimit;
            start = cut ? file.Length - LogLimit : Math.Min(start, file.Length);
            file.Position = start;
            byte[] tail = new byte[file.Length - start];
            file.ReadExactly(tail);
            // Objects follow one another with nothing between them: the first complete one starts after a "}".
            return cut ? tail[(tail.AsSpan().IndexOf("}{"u8) + 1)..] : tail;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
