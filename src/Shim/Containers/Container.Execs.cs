using Containerd.Api.Events;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Shim.Events;
using Shim.Io;
using Shim.Runsc;

namespace Shim.Containers;

/// <summary>Further processes in a container.</summary>
public sealed partial class Container
{
    private readonly Dictionary<string, Exec> _execs = new(StringComparer.Ordinal);
    private readonly HashSet<string> _execsBeingAdded = new(StringComparer.Ordinal);

    /// <summary>How many there are.</summary>
    public int ExecCount => _execs.Count;

    /// <summary>Makes a further process; it runs when it is started.</summary>
    /// <param name="execId">What it is called.</param>
    /// <param name="spec">The OCI process, as JSON.</param>
    /// <param name="request">Its standard streams.</param>
    /// <exception cref="ContainerException">The name is taken or not valid, or the container does not run.</exception>
    /// <exception cref="IOException">Its streams cannot be opened, or its specification not be written.</exception>
    public async Task AddExecAsync(string execId, ReadOnlyMemory<byte> spec, StdioRequest request)
    {
        Identifier.Require(execId, "exec id");
        if (_execs.ContainsKey(execId) || !_execsBeingAdded.Add(execId))
            throw new ContainerException(Refusal.AlreadyExists, $"{Init} has an exec {execId} already");
        try
        {
            if (Init.State is not (ProcessState.Running or ProcessState.Paused))
                throw new ContainerException(
                    Refusal.WrongState, $"cannot exec in {Init}: it is {ProcessLifecycle.NameOf(Init.State)}");
            RequireRestored("exec in");
            ProcessStdio stdio = await _context.Stdio.OpenAsync(request, _stdioOwner);
            if (Init.State is not (ProcessState.Running or ProcessState.Paused))
            {
                // It ended while the streams were opened, which a logging program can make last.
                await stdio.DisposeAsync();
                throw new ContainerException(
                    Refusal.WrongState, $"cannot exec in {Init}: it is {ProcessLifecycle.NameOf(Init.State)}");
            }
            var exec = new Exec(new ContainerProcess(execId, $"exec {execId} of {Init}", request, stdio), Bundle);
            try
            {
                AtomicFile.Replace(exec.SpecFile, spec.Span);
            }
            catch
            {
                await stdio.DisposeAsync();
                throw;
            }
            _execs.Add(execId, exec);
        }
        finally
        {
            _execsBeingAdded.Remove(execId);
        }
        _context.Events.Publish(TaskEvents.Of(new TaskExecAdded { ContainerId = Id, ExecId = execId }));
    }

    /// <summary>Lets an exec's process run.</summary>
    /// <returns>The id of the host's process that stands for it.</returns>
    /// <exception cref="RunscException">runsc could not; the exec has ended then and can only be deleted.</exception>
    /// <exception cref="ContainerException">It is not waiting to be started, or the container does not run.</exception>
    public Task<int> StartExecAsync(string execId)
    {
        Exec exec = FindExec(execId);
        ContainerProcess process = exec.Process;
        return process.Operations.RunAsync(async () =>
        {
            process.Check(ProcessVerb.Start);
            if (Init.State != ProcessState.Running)
                throw new ContainerException(
                    Refusal.WrongState, $"cannot exec in {Init}: it is {ProcessLifecycle.NameOf(Init.State)}");
            RequireRunningSandbox("exec");
            Task<ProcessExit> exit;
            try
            {
                exit = await Sandbox.ActAsync(() =>
                {
                    // A checkpoint may have come first, and ended it.
                    RequireRunningSandbox("exec");
                    return _commands.ExecAsync(RunscId, exec.SpecFile, exec.PidFile,
                        exec.InternalPidFile, process.Stdio.ConsoleSocket, exec.Log, process.Stdio.Descriptors);
                });
                exec.InternalPid = PidFile.Read(exec.InternalPidFile);
                process.Pid = PidFile.Read(exec.PidFile);
                await process.Stdio.HandedOverAsync();
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
            _context.Events.Publish(TaskEvents.Of(
                new TaskExecStarted { ContainerId = Id, ExecId = execId, Pid = (uint)process.Pid }));
            WatchExecEnd(process, exit);
            return process.Pid;
        });
    }

    /// <summary>Removes an exec that has ended or was never started.</summary>
    /// <returns>How it ended, and the host's process that stood for it.</returns>
    /// <exception cref="ContainerException">It runs.</exception>
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

    /// <summary>The execs' ids by their process ids inside the sandbox.</summary>
    public IReadOnlyDictionary<int, string> ExecsByInternalPid()
    {
        var execs = new Dictionary<int, string>();
        foreach (Exec exec in _execs.Values)
            if (exec.InternalPid != 0 && exec.Process.State == ProcessState.Running)
                execs[exec.InternalPid] = exec.Process.Id;
        return execs;
    }

    private Exec FindExec(string execId) =>
        _execs.TryGetValue(execId, out Exec? exec)
            ? exec
            : throw new ContainerException(Refusal.NotFound, $"{Init} has no exec {execId}");

    /// <summary>What runsc started but could not be taken over must not run on unseen.</summary>
    private async Task KillAfterFailedStartAsync(Exec exec)
    {
        if (exec.InternalPid == 0)
            return;
        try
        {
            await _questions.SignalAsync(RunscId, Signals.SIGKILL, exec.InternalPid, all: false);
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

    /// <summary>Waits for an exec's end: that of the host's process that stands for it.</summary>
    // Async void on purpose: a failure here comes out of the loop's Run instead of being lost.
    private async void WatchExecEnd(ContainerProcess process, Task<ProcessExit> exit)
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
        await process.Operations.RunAsync(() =>
        {
            End(process, end);
            return Task.CompletedTask;
        });
    }

    /// <summary>Its container has ended, and it with it: the host's process that stands for it ends soon.</summary>
    private async Task EndAndRemoveExecAsync(Exec exec)
    {
        ContainerProcess process = exec.Process;
        if (process.State == ProcessState.Running)
            await Task.WhenAny(process.Ended, Task.Delay(s_lateAnswerBound, _context.Time));
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
            process.TryEnd(new ProcessEnd(NeverRanStatus, _context.Now));
        await process.Stdio.DisposeAsync();
        exec.RemoveFiles();
        process.Move(ProcessVerb.Delete);
        _execs.Remove(process.Id);
        Log.Deleted(Id, process.Id);
        _context.Events.Publish(TaskEvents.Of(new TaskDelete
        {
            ContainerId = Id,
            Id = process.Id,
            Pid = (uint)process.Pid,
            ExitStatus = (uint)process.End!.Value.Status,
            ExitedAt = Timestamp.FromDateTimeOffset(process.End.Value.At),
        }));
    }
}
