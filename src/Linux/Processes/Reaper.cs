namespace Linux;

/// <summary>
/// Owns the exit of every child of this process: those it started, and orphans inherited as a subreaper.
/// </summary>
/// <remarks>
/// Constraints.
/// 1. An exit status can be had once: whoever calls waitpid for a pid takes it from everybody else. So there is one
///    reaper, and nothing else of the process waits for children (System.Diagnostics.Process must not be used).
/// 2. The children include processes we never started. `runsc create` leaves the sandbox behind, which becomes ours
///    when its parent exits. Its pid is learned from a file, perhaps after it has ended already.
/// 3. SIGCHLD says only that something happened: signals that are pending together are one, whatever their pids.
/// 4. A pid is reserved while its zombie is there and is anybody's once it was reaped. So a signal may go to an
///    unreaped child only, and a status kept from the past must not be taken for that of a new process.
///
/// Scheme. Everything happens on the loop's thread: spawning, asking, reaping, killing; that is what closes the
/// races of 1 and 4. At each SIGCHLD, and once at the start, waitpid(-1, WNOHANG) runs until nothing more has ended.
/// An exit somebody asked about completes the one task that all who asked share; any other is remembered, up to
/// <see cref="RememberedExits"/> of them, the oldest dropped first.
///
/// A question about a pid is answered thus:
/// - asked before, and not ended: the same task;
/// - a process of that pid exists and descends from us: it is what is meant, also if an earlier one had the same pid,
///   whose remembered exit is dropped. It is watched;
/// - an exit is remembered: that;
/// - otherwise: an error (ESRCH).
/// A descendant that is not our child yet becomes it when the parents between us end. If instead its own parent
/// reaped it, its status went there and no SIGCHLD comes; so while such pids are watched, a timer looks whether they
/// still exist, and fails the task of one that is gone.
/// </remarks>
public sealed class Reaper : IChildProcesses, IDisposable
{
    /// <summary>How many exits that nobody asked about are kept.</summary>
    internal const int RememberedExits = 1024;

    private static readonly TimeSpan s_foreignCheckPeriod = TimeSpan.FromSeconds(1);

    private readonly EventLoop _loop;
    private readonly SignalDescriptor _signals;
    private readonly Dictionary<int, TaskCompletionSource<ProcessExit>> _watched = [];
    private readonly Dictionary<int, ulong> _foreign = []; // watched, but not our child yet: pid and start time
    private readonly RecentExits _recent = new(RememberedExits);
    private readonly ITimer _foreignCheck;
    private bool _disposed;

    /// <summary>Starts reaping.</summary>
    /// <param name="loop">The loop, on whose thread everything here is called.</param>
    /// <param name="signals">Delivers SIGCHLD and nothing else; disposed with the reaper.</param>
    public Reaper(EventLoop loop, SignalDescriptor signals)
    {
        ArgumentNullException.ThrowIfNull(loop);
        loop.VerifyAccess();
        _loop = loop;
        _signals = signals;
        _foreignCheck = loop.Time.CreateTimer(_ => CheckForeign(), null, Timeout.InfiniteTimeSpan, s_foreignCheckPeriod);
        ReapAtEverySignal();
    }

    /// <summary>Makes this process the parent of the orphans among its descendants (PR_SET_CHILD_SUBREAPER).</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void BecomeSubreaper() =>
        LinuxException.ThrowIfFailed(Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl", "child subreaper");

    /// <summary>Starts a program whose exit is then watched.</summary>
    /// <exception cref="LinuxException">It could not be started.</exception>
    public ChildProcess Spawn(SpawnRequest request)
    {
        _loop.VerifyAccess();
        ObjectDisposedException.ThrowIf(_disposed, this);
        int pid = Spawner.Spawn(request);
        _recent.Forget(pid); // an exit remembered under this number is an earlier process's
        return new ChildProcess(pid, Watch(pid), signal => KillOwn(pid, signal));
    }

    /// <summary>The exit of a child or of a descendant that is to become one, whether it has happened yet or
    /// not.</summary>
    /// <returns>A task that completes once, on the loop. It fails with <see cref="LinuxException"/>: ESRCH if there
    /// is no such process and none was, ECHILD if the process ended but its own parent took its status.</returns>
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
            : new LinuxException(Errno.ECHILD, "wait for", $"process {pid}", "it is no descendant of this process"));
    }

    /// <inheritdoc/>
    public bool Kill(int pid, int signal)
    {
        _loop.VerifyAccess();
        return _watched.ContainsKey(pid) && Signals.Send(pid, signal);
    }

    /// <summary>Stops reaping. Watches that have not ended fail with <see cref="ObjectDisposedException"/>.</summary>
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

    // Async void on purpose: whatever goes wrong here comes out of the loop's Run instead of being lost.
    private async void ReapAtEverySignal()
    {
        ReapAll();
        while (!_disposed)
        {
            try
            {
                await _signals.ReadAsync();
            }
            catch (ObjectDisposedException) when (_disposed)
            {
                return;
            }
            ReapAll();
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
        // Also remembered when it was asked about: others may ask later.
        _recent.Add(exit);
        // The continuations run here and may ask and spawn: our own state is settled by now.
        if (_watched.Remove(exit.Pid, out TaskCompletionSource<ProcessExit>? watch))
            watch.SetResult(exit);
    }

    private void KillOwn(int pid, int signal)
    {
        _loop.VerifyAccess();
        LinuxException.ThrowIfFailed(Libc.kill(pid, signal), "kill", $"process {pid} with signal {signal}");
    }

    private Task<ProcessExit> Watch(int pid)
    {
        // Completed on the loop only, hence inline; RunContinuationsAsynchronously would start the thread pool for
        // awaits by WhenAny or WaitAsync.
        TaskCompletionSource<ProcessExit> watch = new();
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
            // It may have become ours and ended between two looks: then its status is waiting for us now.
            ReapAll();
            if (_foreign.Remove(pid) && _watched.Remove(pid, out TaskCompletionSource<ProcessExit>? watch))
                watch.SetException(new LinuxException(Errno.ECHILD, "wait for", $"process {pid}",
                    "it ended and its own parent took its status"));
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
