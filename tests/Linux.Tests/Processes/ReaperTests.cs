using System.Globalization;
using Linux.Tests.Peer;

namespace Linux.Tests;

/// <summary>Each test runs in a separate process, as the shim does, with SIGCHLD blocked in every thread.</summary>
public sealed class ReaperTests
{
    private static readonly SpawnRequest s_sleep = new() { Path = "sleep", Arguments = ["sleep", "60"] };

    private static void Run(Func<EventLoop, Reaper, Task> body) => Loops.Run(async loop =>
    {
        using SignalDescriptor signals = SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGCHLD));
        using Reaper reaper = new(loop, signals);
        await body(loop, reaper);
        await EndChildren(reaper);
    });

    private static async Task EndChildren(Reaper reaper)
    {
        // The end of a child can hand its own children to this process, hence the loop.
        while (ProcFs.Children(Environment.ProcessId) is { Count: > 0 } children)
        {
            foreach (int child in children)
            {
                Signals.Send(child, Signals.SIGKILL);
                await reaper.WatchAsync(child);
            }
        }
    }

    [Fact]
    public void Exit_codes_and_signals_are_reported() => PeerProcess.Run(ExitCodes);

    private static void ExitCodes() => Run(async (loop, reaper) =>
    {
        Assert.Equal(0, (await reaper.Spawn(Children.Shell("exit 0")).Exited).ExitCode);
        Assert.Equal(42, (await reaper.Spawn(Children.Shell("exit 42")).Exited).ExitCode);
        Assert.Equal(255, (await reaper.Spawn(Children.Shell("exit 255")).Exited).ExitCode);
        ChildProcess child = reaper.Spawn(s_sleep);
        child.Kill(Signals.SIGTERM);
        ProcessExit exit = await child.Exited;
        Assert.Equal((child.Pid, 143, Signals.SIGTERM), (exit.Pid, exit.ExitCode, exit.Signal));
        Assert.True((loop.Time.GetUtcNow() - exit.At).Duration() < TimeSpan.FromMinutes(1));
        child.Kill(Signals.SIGKILL); // does nothing: the child has been reaped
    });

    [Fact]
    public void An_exit_before_the_watch_is_remembered() => PeerProcess.Run(ExitBeforeQuestion);

    private static void ExitBeforeQuestion() => Run(async (loop, reaper) =>
    {
        ChildProcess child = reaper.Spawn(Children.Shell("exit 3"));
        ProcessExit exit = await child.Exited;
        Assert.Equal(exit, await reaper.WatchAsync(child.Pid));
        Assert.Equal(exit, await reaper.WatchAsync(child.Pid)); // repeatedly
    });

    [Fact]
    public void A_zombie_can_be_watched() => PeerProcess.Run(Zombie);

    private static void Zombie() => Run(async (loop, reaper) =>
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        int pid;
        using (write)
            pid = Spawner.Spawn(Children.Shell("exit 9") with { Descriptors = [null, write] });
        using (read)
            Assert.Equal(0, read.TryRead(new byte[1], out _)); // blocks the loop until the child has ended
        Task<ProcessExit> exit = reaper.WatchAsync(pid);
        Assert.Equal(9, (await exit).ExitCode);
    });

    [Fact]
    public void Unknown_pids_are_an_error() => PeerProcess.Run(Unknown);

    private static void Unknown() => Run(async (loop, reaper) =>
    {
        LinuxException e = await Assert.ThrowsAsync<LinuxException>(() => reaper.WatchAsync(0x3ffffff));
        Assert.Equal(Errno.ESRCH, e.Errno);
        e = await Assert.ThrowsAsync<LinuxException>(() => reaper.WatchAsync(1));
        Assert.Equal(Errno.ECHILD, e.Errno);
    });

    [Fact]
    public void Orphans_become_children() => PeerProcess.Run(Orphans);

    private static void Orphans()
    {
        Reaper.BecomeSubreaper();
        Run(async (loop, reaper) =>
        {
            // The child ends and leaves a process behind, as `runsc create` does.
            (DescriptorStream output, ChildProcess child) =
                SpawnWithOutput(loop, reaper, "(read x < /dev/tty; sleep 60) 2>/dev/null & echo $!");
            int orphan = int.Parse(await Streams.ReadLine(output), CultureInfo.InvariantCulture);
            Task<ProcessExit> exit = reaper.WatchAsync(orphan);
            await child.Exited;
            Assert.Equal(Environment.ProcessId, ProcFs.ParentPid(orphan));
            Assert.False(exit.IsCompleted);
            Signals.Send(orphan, Signals.SIGKILL);
            Assert.Equal(137, (await exit).ExitCode);
            output.Dispose();
        });
    }

    [Fact]
    public void An_orphan_may_end_before_it_is_watched() => PeerProcess.Run(EarlyOrphan);

    private static void EarlyOrphan()
    {
        Reaper.BecomeSubreaper();
        Run(async (loop, reaper) =>
        {
            // The orphan ends only after its parent, the subshell; the child ends after the orphan has been reaped.
            using TempDirectory directory = new();
            string go = directory["go"];
            NativeCalls.CreateFifo(go);
            (DescriptorStream output, ChildProcess child) = SpawnWithOutput(loop, reaper, $"""
                orphan=$(sh -c 'read x < {go}; exit 5' > /dev/null & echo $!)
                echo > {go}
                while [ -e /proc/$orphan ]; do :; done
                echo $orphan
                """);
            int orphan = int.Parse(await Streams.ReadLine(output), CultureInfo.InvariantCulture);
            await child.Exited;
            ProcessExit exit = await reaper.WatchAsync(orphan);
            Assert.Equal(5, exit.ExitCode);
            output.Dispose();
        });
    }

    [Fact]
    public void A_descendant_reaped_by_its_own_parent_fails_the_watch() => PeerProcess.Run(Stolen);

    private static void Stolen() => Run(async (loop, reaper) =>
    {
        (DescriptorStream output, ChildProcess child) =
            SpawnWithOutput(loop, reaper, "sleep 60 & echo $!; wait; echo reaped; exec sleep 60");
        int grandchild = int.Parse(await Streams.ReadLine(output), CultureInfo.InvariantCulture);
        Task<ProcessExit> exit = reaper.WatchAsync(grandchild);
        Signals.Send(grandchild, Signals.SIGKILL);
        LinuxException e = await Assert.ThrowsAsync<LinuxException>(() => exit);
        Assert.Equal(Errno.ECHILD, e.Errno);
        child.Kill(Signals.SIGKILL);
        await child.Exited;
        output.Dispose();
    });

    [Fact]
    public void Five_hundred_simultaneous_exits_are_all_reported() => PeerProcess.Run(FiveHundred);

    private static void FiveHundred() => Run(async (loop, reaper) =>
    {
        // All children wait for the end of one pipe, so that they end together.
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        List<ChildProcess> children = [];
        for (int i = 0; i < 500; i++)
        {
            children.Add(reaper.Spawn(new SpawnRequest
            {
                Path = "/bin/sh",
                Arguments = ["sh", "-c", $"read x; exit {i % 200}"],
                Descriptors = [read],
            }));
        }
        read.Dispose();
        write.Dispose();
        for (int i = 0; i < children.Count; i++)
            Assert.Equal(i % 200, (await children[i].Exited).ExitCode);
        // All exits are remembered.
        for (int i = 0; i < children.Count; i++)
            Assert.Equal(i % 200, (await reaper.WatchAsync(children[i].Pid)).ExitCode);
    });

    [Fact]
    public void Dispose_fails_open_watches() => PeerProcess.Run(Disposal);

    private static void Disposal() => Loops.Run(async loop =>
    {
        SignalDescriptor signals = SignalDescriptor.Open(loop, SignalSet.Of(Signals.SIGCHLD));
        Reaper reaper = new(loop, signals);
        ChildProcess child = reaper.Spawn(s_sleep);
        reaper.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => child.Exited);
        Signals.Send(child.Pid, Signals.SIGKILL);
        Assert.Equal(137, Children.Wait(child.Pid));
    });

    private static (DescriptorStream, ChildProcess) SpawnWithOutput(EventLoop loop, Reaper reaper, string script)
    {
        (Descriptor read, Descriptor write) = Descriptor.Pipe();
        using (write)
            return (new DescriptorStream(loop, read),
                reaper.Spawn(Children.Shell(script) with { Descriptors = [null, write] }));
    }
}
