namespace Linux;

/// <summary>
/// Owns the exits of all children of this process: those it started, and the orphans it inherits as a subreaper.
/// </summary>
/// <remarks>
/// Constraints.
/// 1. waitpid returns an exit status once. So there is one reaper, and nothing else in the process waits for children
///    (System.Diagnostics.Process must not be used).
/// 2. The children include processes that we did not start. `runsc create` leaves the sandbox behind, which becomes our
///    child when its parent exits. We read its pid from a file, perhaps after it has ended.
/// 3. SIGCHLD says only that something happened: signals that are pending together are merged, whatever their pids.
/// 4. A pid is reserved while its zombie exists, and free once it has been reaped. So only an unreaped child may get
///    signals, and a remembered status must not be taken for that of a new process.
///
/// Scheme. Spawning, watching, reaping and killing all happen on the loop's thread, which closes the races of 1 and 4.
/// After each SIGCHLD, and once at the start, waitpid(-1, WNOHANG) runs until no more children have ended. An exit
/// completes the task that all watchers of the pid share, if there is one. Up to <see cref="RememberedExits"/> exits
/// are remembered; the oldest is dropped first.
///
/// A watch of a pid returns
/// - the same task, if the pid is already watched and has not ended;
/// - a new task, if a process with that pid exists and descends from us; a remembered exit of an earlier process with
///   that pid is dropped;
/// - the remembered exit, if there is one;
/// - otherwise an error (ESRCH).
/// A descendant that is not yet our child becomes it when the parents between us end. If its own parent reaps it
/// instead, that parent gets the status and no SIGCHLD arrives here. So while such pids are watched, a timer checks
/// whether they still exist, and fails the task of one that is gone.
/// </remarks>
public sealed class Reaper : IChildProcesses, IDisposable
{
    /// <summary>The number of exits that are remembered.</summary>
    internal const int RememberedExits = 1024;

    private static readonly TimeSpan s_foreignCheckPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_pauseAfterError = TimeSpan.FromMilliseconds(100);

    private readonly EventLoop _loop;
    private readonly SignalDescriptor _signals;
    private readonly Dictionary<int, TaskCompletionSource<ProcessExit>> _watched = [];
    private readonly Dictionary<int, ulong> _foreign = []; // watched, but not yet our child: pid and start time
    private readonly RecentExits _recent = new(RememberedExits);
    private readonly ITimer _foreignCheck;
    private bool _disposed;

    /// <summary>Starts reaping.</summary>
    /// <param name="loop">The loop, on whose thread all members are called.</param>
    /// <param name="signals">Delivers SIGCHLD only; disposed with the reaper.</param>
    public Reaper(EventLoop loop, SignalDescriptor signals)
    {
        ArgumentNullException.ThrowIfNull(loop);
        loop.VerifyAccess();
        _loop = loop;
        _signals = signals;
        _foreignCheck = loop.Time.CreateTimer(
            _ => CheckForeign(), null, Timeout.InfiniteTimeSpan, s_foreignCheckPeriod);
        LoopTask.Watch(ReapAtEverySignalAsync);
    }

    /// <summary>Makes this process the parent of the orphans among its descendants (PR_SET_CHILD_SUBREAPER).</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void BecomeSubreaper() =>
        LinuxException.ThrowIfFailed(Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl", "child subreaper");

    /// <summary>The score for the OOM killer that started processes have; null: the same as this process.</summary>
    public int? ChildOomScore { get; init; }

    /// <inheritdoc/>
    public ChildProcess Spawn(SpawnRequest request)
    {
        _loop.VerifyAccess();
        ObjectDisposedException.ThrowIf(_disposed, this);
        int pid = ChildOomScore is { } score
            ? OomScore.WhileOwn(score, () => Spawner.Spawn(request)) : Spawner.Spawn(request);
        _recent.Forget(pid); // a remembered exit with this pid belongs to an earlier process
        return new ChildProcess(pid, Watch(pid), signal => KillOwn(pid, signal));
    }

    /// <inheritdoc/>
    public Task<ProcessExit> WatchAsync(int pid)
    {
        _loop.VerifyAccess();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_watched.TryGetValue(pid, out TaskCompletionSource<ProcessExit>? known))
            return known.Task;
        ProcessStat? found = ProcFs.Stat(pid);
        if (found is { } stat && ProcFs.IsDescendant(pid, Environment.ProcessId))
        {
            _recent.Forget(pid);
            if (stat.ParentPid != Environment.ProcessId)
                AddForeign(pid, stat.StartTime);
            return Watch(pid);
        }
        if (_recent.TryGet(pid, out ProcessExit exit))
            return Task.FromResult(exit);
        return Task.FromException<ProcessExit>(found is null
            ? new LinuxException(Errno.ESRCH, "wait for", $"process {pid}")
            : new LinuxException(Errno.ECHILD, "wait for", $"process {pid}", "not a descendant of this process"));
    }

    /// <inheritdoc/>
    public bool Kill(int pid, int signal)
    {
        _loop.VerifyAccess();
        if (!_watched.ContainsKey(pid))
            return false;
        // The parent of one that is not our child yet may have reaped it, and its pid may be another process's.
        if (_foreign.TryGetValue(pid, out ulong startTime) && ProcFs.Stat(pid)?.StartTime != startTime)
            return false;
        return Signals.Send(pid, signal);
    }

    /// <summary>Stops reaping. Open watches fail with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _foreignCheck.Dispose();
        _signals.Dispose();
        foreach (TaskCompletionSource<ProcessExit> watch in Drain(_watched))
            watch.SetException(new ObjectDisposedException(nameof(Reaper)));
    }

    private async Task ReapAtEverySignalAsync()
    {
        while (!_disposed)
            try
            {
                ReapAll();
                await _signals.ReadAsync();
            }
            catch (ObjectDisposedException) when (_disposed)
            {
                return;
            }
            catch (Exception e) when (_loop.UnhandledException is not null)
            {
                // Without the reaper no exit would be known any more.
                _loop.UnhandledException(e);
                await Task.Delay(s_pauseAfterError, _loop.Time);
            }
    }

    private unsafe void ReapAll()
    {
        while (true)
        {
            int status;
            int pid = Libc.waitpid(-1, &status, Libc.WNOHANG);
            if (pid == 0)
                return;
            if (pid > 0)
            {
                Complete(new ProcessExit(pid, status, _loop.Time.GetUtcNow()));
                continue;
            }
            if (LinuxException.LastErrno == Errno.ECHILD)
                return;
            LinuxException.ThrowLast("waitpid");
        }
    }

    private void Complete(ProcessExit exit)
    {
        _foreign.Remove(exit.Pid);
        // Remembered even if it is watched: it may be watched again later.
        _recent.Add(exit);
        // Last, because the continuations run here and may watch and spawn.
        if (_watched.Remove(exit.Pid, out TaskCompletionSource<ProcessExit>? watch))
            watch.SetResult(exit);
    }

    private void KillOwn(int pid, int signal)
    {
        _loop.VerifyAccess();
        // ESRCH: it has been reaped, and its watchers are about to learn it.
        if (Libc.kill(pid, signal) != 0 && LinuxException.LastErrno != Errno.ESRCH)
            LinuxException.ThrowLast("kill", $"process {pid} with signal {signal}");
    }

    private Task<ProcessExit> Watch(int pid)
    {
        TaskCompletionSource<ProcessExit> watch = LoopTask.NewSource<ProcessExit>();
        _watched.Add(pid, watch);
        return watch.Task;
    }

    private void AddForeign(int pid, ulong startTime)
    {
        if (_foreign.Count == 0)
            _foreignCheck.Change(s_foreignCheckPeriod, s_foreignCheckPeriod);
        _foreign.Add(pid, startTime);
    }

    private void CheckForeign()
    {
        foreach ((int pid, ulong startTime) in new Dictionary<int, ulong>(_foreign))
        {
            ProcessStat? stat = ProcFs.Stat(pid);
            if (stat is { } present && present.StartTime == startTime)
            {
                if (present.ParentPid == Environment.ProcessId)
                    _foreign.Remove(pid);
                continue;
            }
            // It may have become our child and ended between two checks: then its status is waiting for us.
            ReapAll();
            if (_foreign.Remove(pid) && _watched.Remove(pid, out TaskCompletionSource<ProcessExit>? watch))
                watch.SetException(new LinuxException(Errno.ECHILD, "wait for", $"process {pid}",
                    "it ended and its own parent reaped it"));
        }
        if (_foreign.Count == 0)
            _foreignCheck.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private static TaskCompletionSource<ProcessExit>[] Drain(Dictionary<int, TaskCompletionSource<ProcessExit>> from)
    {
        TaskCompletionSource<ProcessExit>[] all = [.. from.Values];
        from.Clear();
        return all;
    }
}
