using Linux;
using Shim.Bundles;
using Shim.Events;
using Shim.Io;
using Shim.Oci;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Execs: further processes in a container.</summary>
internal sealed partial class Container
{
    /// <summary>The exit status of an exec that was never started, as other shims have it.</summary>
    private const int UnstartedExecStatus = 0;

    private readonly Dictionary<string, Exec> _execs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _lateExecs = new(StringComparer.Ordinal);

    /// <summary>How many execs there are.</summary>
    public int ExecCount => _execs.Count;

    /// <summary>Adds an exec, which is started later.</summary>
    /// <param name="execId">Its id.</param>
    /// <param name="spec">The OCI process, as JSON.</param>
    /// <param name="request">Its standard streams.</param>
    /// <exception cref="RefusedException">
    /// The id is taken or not valid, the specification is not one, or the container does not run.
    /// </exception>
    /// <exception cref="IOException">Its specification cannot be written.</exception>
    public void AddExec(string execId, ReadOnlyMemory<byte> spec, StdioRequest request)
    {
        Identifier.Require(execId, "exec id");
        if (_execs.ContainsKey(execId) || _lateExecs.Contains(execId))
            throw new RefusedException(Refusal.AlreadyExists, $"exec {execId} of {Init} already exists");
        if (!IsAlive)
            throw new RefusedException(Refusal.WrongState, $"cannot exec in {Init}: it is {StateName}");
        Sandbox.RequireRestored($"exec in {Init}");
        var stdio = new DeferredStdio(() => _context.Stdio.OpenAsync(request, _stdioOwner));
        var exec = new Exec(new ContainerProcess(execId, $"exec {execId} of {Init}", request, stdio), stdio, Bundle);
        AtomicFile.Replace(exec.SpecFile, ProcessSpec.WithTerminal(spec, request.Terminal).Span);
        _execs.Add(execId, exec);
        _context.Events.Publish(TaskEvents.ExecAdded(Id, execId));
    }

    /// <summary>Starts an exec's process.</summary>
    /// <returns>The process of the node that represents it.</returns>
    /// <exception cref="RunscException">runsc could not; the exec has ended and can only be deleted.</exception>
    /// <exception cref="IOException">Its streams cannot be opened; the exec has ended.</exception>
    /// <exception cref="FormatException">A stdio URI is not understood; the exec has ended.</exception>
    /// <exception cref="RefusedException">
    /// It is not waiting to be started; or the container does not run, and then the exec has ended, too.
    /// </exception>
    public Task<int> StartExecAsync(string execId)
    {
        Exec exec = FindExec(execId);
        ContainerProcess process = exec.Process;
        return process.Operations.RunAsync(async () =>
        {
            process.Check(ProcessVerb.Start);
            try
            {
                if (Init.State != ProcessState.Running)
                    throw new RefusedException(Refusal.WrongState, $"cannot exec in {Init}: it is {StateName}");
                Sandbox.RequireRunning($"exec in {Init}");
            }
            catch (RefusedException)
            {
                // A client whose start fails reads the output to its end, which `ctr` 1.6 otherwise never sees.
                process.TryEnd(new ProcessEnd(UnstartedExecStatus, _context.Now));
                throw;
            }
            Task<ProcessExit> exit;
            try
            {
                await exec.Stdio.OpenAsync();
                exit = await Sandbox.ActAsync(() => StartInRunscAsync(exec));
                exec.InternalPid = PidFile.Read(exec.InternalPidFile);
                process.Pid = PidFile.Read(exec.PidFile);
                await process.Stdio.HandedOverAsync();
                if (Init.Exited.Task.IsCompleted)
                    throw new RefusedException(Refusal.WrongState, $"cannot exec in {Init}: it has ended");
            }
            catch (Exception e)
            {
                Log.StartFailed(Id, execId, e);
                await KillAfterFailedStartAsync(exec);
                process.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
                throw;
            }
            process.Move(ProcessVerb.Start);
            Log.Started(Id, execId);
            _context.Events.Publish(TaskEvents.ExecStarted(Id, execId, process.Pid));
            WatchExecEnd(process, exit);
            return process.Pid;
        });
    }

    /// <summary>Deletes an exec that has ended or was never started.</summary>
    /// <returns>How it ended, and the process of the node that represented it.</returns>
    /// <exception cref="RefusedException">It runs.</exception>
    public Task<(ProcessEnd End, int Pid)> DeleteExecAsync(string execId)
    {
        Exec exec = FindExec(execId);
        return exec.Process.Operations.RunAsync(async () =>
        {
            exec.Process.Check(ProcessVerb.Delete);
            await RemoveExecAsync(exec);
            return (exec.Process.End!.Value, exec.Process.Pid);
        });
    }

    private Exec FindExec(string execId) =>
        _execs.TryGetValue(execId, out Exec? exec)
            ? exec
            : throw new RefusedException(Refusal.NotFound, $"exec {execId} of {Init} not found");

    private Task<Task<ProcessExit>> StartInRunscAsync(Exec exec)
    {
        // A checkpoint may have come first, and ended it.
        Sandbox.RequireRunning($"exec in {Init}");
        DeferredStdio stdio = exec.Stdio;
        return _runsc.ExecAsync(RunscId, exec.SpecFile, exec.PidFile, exec.InternalPidFile, stdio.ConsoleSocket,
            exec.Log, stdio.Descriptors, late: command => LoopTask.Watch(() => EndLateAsync(exec, command)));
    }

    /// <summary>
    /// The start of an exec took too long and was given up, but the sandbox may start the process still: then the
    /// process is killed. Killing runsc instead would leave a process that nobody knows.
    /// </summary>
    private async Task EndLateAsync(Exec exec, ChildProcess command)
    {
        _lateExecs.Add(exec.Process.Id);
        TimeSpan pause = s_waitAgain;
        while (!await LoopTask.AnyWithinAsync(pause, _context.Time, command.Exited, Init.Ended))
        {
            await KillAfterFailedStartAsync(exec);
            pause = Backoff.Next(pause, s_longestWaitAgain);
        }
        // One that hands over a terminal exits when the process runs.
        if (!HasEnded)
            await KillAfterFailedStartAsync(exec);
        command.Kill(Signals.SIGKILL);
        exec.RemoveFiles();
        _lateExecs.Remove(exec.Process.Id);
    }

    /// <summary>Kills what runsc started but could not be taken over: it must not run on unseen.</summary>
    private async Task KillAfterFailedStartAsync(Exec exec)
    {
        int pid = exec.InternalPid != 0 ? exec.InternalPid : PidFile.TryRead(exec.InternalPidFile);
        if (pid == 0)
            return;
        try
        {
            await Sandbox.Control.SignalAsync(RunscId, Signals.SIGKILL, pid, all: false);
        }
        catch (RunscException e) when (e.Failure == RunscFailure.NotFound)
        {
            // It has ended by itself.
        }
        catch (RunscException e)
        {
            Log.UndoFailed(Id, $"kill {exec.Process}", e);
        }
    }

    /// <summary>Waits for an exec's end: that of the process of the node that represents it.</summary>
    private void WatchExecEnd(ContainerProcess process, Task<ProcessExit> exit) => LoopTask.Watch(async () =>
    {
        ProcessEnd end;
        try
        {
            ProcessExit ended = await exit;
            end = new ProcessEnd(ended.ExitCode, ended.At);
        }
        catch (LinuxException e)
        {
            Log.WaitFailed(Id, e);
            end = new ProcessEnd(LostStatus, _context.Now);
        }
        process.Exited.TrySetResult();
        await process.Operations.RunAsync(() => End(process, end));
    });

    /// <summary>Its container has ended or was never started, and so has it.</summary>
    private async Task EndAndRemoveExecAsync(Exec exec)
    {
        ContainerProcess process = exec.Process;
        await process.Operations.RunAsync(() =>
        {
            if (process.State == ProcessState.Running)
                End(process, new ProcessEnd(LostStatus, _context.Now));
            return RemoveExecAsync(exec);
        });
    }

    private async Task RemoveExecAsync(Exec exec)
    {
        ContainerProcess process = exec.Process;
        if (process.State == ProcessState.Created)
            process.TryEnd(new ProcessEnd(UnstartedExecStatus, _context.Now));
        await CleanUpAsync(exec);
        process.Move(ProcessVerb.Delete);
        _execs.Remove(process.Id);
        Log.Deleted(Id, process.Id);
    }

    /// <summary>What cannot be removed stays in the bundle, and goes with it.</summary>
    private async Task CleanUpAsync(Exec exec)
    {
        var cleanUp = new Undo(Id, Log);
        // One that may start still is found by its files.
        if (!_lateExecs.Contains(exec.Process.Id))
            cleanUp.Add($"remove the files of {exec.Process}", exec.RemoveFiles);
        cleanUp.Add($"close the standard streams of {exec.Process}", () => exec.Process.Stdio.DisposeAsync().AsTask());
        await cleanUp.RunAsync();
    }
}
