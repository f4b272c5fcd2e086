namespace Linux;

/// <summary>Processes that are not our children: their end can be observed, their exit status cannot.</summary>
public static class ForeignProcess
{
    /// <summary>Watches a process until it ends, with one descriptor and no thread (pidfd_open(2)).</summary>
    /// <param name="loop">The loop, on whose thread this is called and the task completes.</param>
    /// <param name="pid">The process.</param>
    /// <returns>Completes when the process has ended, at once if it does not exist; never before Linux 5.3.</returns>
    /// <exception cref="LinuxException">No descriptors are left.</exception>
    public static Task WatchEndAsync(EventLoop loop, int pid)
    {
        ArgumentNullException.ThrowIfNull(loop);
        loop.VerifyAccess();
        int descriptor = (int)Libc.syscall(Libc.SYS_pidfd_open, pid, 0, 0);
        if (descriptor < 0 && LinuxException.LastErrno == Errno.ESRCH)
            return Task.CompletedTask;
        if (descriptor < 0 && LinuxException.LastErrno == Errno.ENOSYS)
            return new TaskCompletionSource().Task;
        LinuxException.ThrowIfFailed(descriptor, "pidfd_open", $"process {pid}");
        return UntilReadableAsync(new Readiness(loop, new Descriptor(descriptor)));
    }

    private static async Task UntilReadableAsync(Readiness process)
    {
        using (process)
            await new EndWait(process).WaitAsync();
    }

    /// <summary>A pidfd becomes readable when its process ends; there is nothing to read from it.</summary>
    private sealed class EndWait(Readiness readiness) : ReadyWait(readiness, isWrite: false)
    {
        internal async ValueTask WaitAsync()
        {
            VerifyIdle();
            if (!Start(out _, CancellationToken.None))
                await new ValueTask(this, Version);
        }

        protected override unsafe bool TryComplete(out int result)
        {
            result = 0;
            Libc.pollfd poll = new() { fd = Descriptor.Fd, events = Libc.POLLIN };
            return LinuxException.ThrowIfFailed(Libc.poll(&poll, 1, 0), "poll", Descriptor.ToString()) > 0;
        }
    }
}
