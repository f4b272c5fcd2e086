using Linux.Tests.Peer;

namespace Linux.Tests;

public sealed class SpawnerTests
{
    [Fact]
    public void Signal_mask_is_empty_and_dispositions_are_default()
    {
        // The test runner ignores SIGPIPE, since the runtime does; the child must not.
        string status = Children.Output(new SpawnRequest { Path = "cat", Arguments = ["cat", "/proc/self/status"] });
        Assert.Contains("SigBlk:\t0000000000000000\n", status, StringComparison.Ordinal);
        Assert.Contains("SigIgn:\t0000000000000000\n", status, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocked_signals_are_blocked()
    {
        string status = Children.Output(new SpawnRequest
        {
            Path = "cat",
            Arguments = ["cat", "/proc/self/status"],
            BlockedSignals = SignalSet.Of(Signals.SIGTERM, Signals.SIGCHLD),
        });
        Assert.Contains("SigBlk:\t0000000000014000\n", status, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_environment_and_directory_are_passed()
    {
        using TempDirectory directory = new();
        string output = Children.Output(new SpawnRequest
        {
            Path = "/bin/sh",
            Arguments = ["sh", "-c", "pwd; echo \"$A|$0|$1|$2\"; env | grep -c .", "null", "a b", "ü\n"],
            Environment = ["A=eins zwei", "PATH=/bin:/usr/bin"],
            WorkingDirectory = directory.Path,
        });
        // dash adds PWD to the two variables.
        Assert.StartsWith($"{directory.Path}\neins zwei|null|a b|ü\n\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.GetEnvironmentVariable("HOME") ?? "none", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Environment_is_inherited()
    {
        Environment.SetEnvironmentVariable("LINUX_TESTS_SPAWN", "yes");
        Assert.Equal("yes\n", Children.Output(Children.Shell("echo $LINUX_TESTS_SPAWN")));
    }

    [Fact]
    public void A_child_can_lead_a_new_process_group()
    {
        const string Script =
            "read -r pid comm state ppid pgrp session rest < /proc/self/stat; echo $pid $pgrp $session";
        static int[] Run(SpawnRequest request) =>
            [.. Children.Output(request).Split(' ').Select(int.Parse)];
        // `read` runs in the shell itself, so /proc/self is the spawned process.
        int[] plain = Run(Children.Shell(Script));
        int[] group = Run(Children.Shell(Script) with { NewProcessGroup = true });
        Assert.NotEqual(plain[0], plain[1]);
        Assert.Equal(group[0], group[1]);
        Assert.NotEqual(group[0], group[2]);
    }

    [Fact]
    public void Descriptors_survive_every_permutation() => PeerProcess.Run(Permutations);

    /// <summary>In a separate process, so that the sources can have the low numbers that are also targets.</summary>
    private static void Permutations()
    {
        using TempDirectory directory = new();
        List<Descriptor> files = [];
        for (int i = 0; i < 8; i++)
        {
            File.WriteAllText(directory[$"{i}"], $"{i}");
            files.Add(Descriptor.Open(directory[$"{i}"], OpenFlags.O_RDONLY));
        }
        // Move four of them to 3..6, over what the runtime has there: this process does nothing else afterwards.
        foreach (int low in (int[])[3, 4, 5, 6])
        {
            Children.Dup2(files[low].Fd, low);
            files[low] = new Descriptor(low);
        }
        foreach (int[] order in (int[][])[[3, 4, 5, 6], [4, 3, 6, 5], [6, 5, 4, 3], [4, 5, 6, 3], [3, 3, 3, 3],
            [0, 4, 1, 3]])
        {
            string output = Children.Output(Children.Shell(
                "for f in 3 4 5 6; do readlink /proc/$$/fd/$f; done; " +
                "f=7; while [ $f -lt 100 ]; do [ -e /proc/$$/fd/$f ] && echo leaked $f; f=$((f+1)); done; " +
                "echo end") with
            {
                Descriptors = [null, null, null, files[order[0]], files[order[1]], files[order[2]], files[order[3]]],
            });
            string[] lines = output.Split('\n');
            Assert.Equal(order.Select(i => directory[$"{i}"]), lines[..4]);
            Assert.Equal("end", lines[4]); // no other descriptor is open
        }
        foreach (Descriptor file in files)
            file.SetHandleAsInvalid();
    }

    [Fact]
    public void Missing_standard_descriptors_are_dev_null()
    {
        string output = Children.Output(Children.Shell("readlink /proc/$$/fd/0; readlink /proc/$$/fd/2"));
        Assert.Equal("/dev/null\n/dev/null\n", output);
    }

    [Fact]
    public void Membarrier_can_be_hidden_from_a_child()
    {
        Requires.Root("a seccomp filter");
        Assert.SkipWhen(Membarrier() < 0, "this kernel has no membarrier to hide");
        int child = Spawner.Spawn(PeerProcess.Request(HasNoMembarrier) with { WithoutMembarrier = true });
        Assert.Equal(0, Children.Wait(child));
        Assert.True(Membarrier() >= 0, "membarrier is hidden from this process too");
        string status = Children.Output(
            new SpawnRequest { Path = "cat", Arguments = ["cat", "/proc/self/status"], WithoutMembarrier = true });
        Assert.Contains("NoNewPrivs:\t0\n", status, StringComparison.Ordinal);
    }

    private static void HasNoMembarrier()
    {
        Assert.Equal(-1, Membarrier());
        Assert.Equal(Errno.ENOSYS, LinuxException.LastErrno);
    }

    private static nint Membarrier() =>
        Libc.syscall((nint)MembarrierFilter.Numbers()!.Value.Membarrier, (nint)Libc.MEMBARRIER_CMD_QUERY, 0, 0);

    [Fact]
    public void Errors_name_what_is_missing()
    {
        SpawnRequest request = new() { Path = "no-such-program", Arguments = ["x"] };
        LinuxException e = Assert.Throws<LinuxException>(() => Spawner.Spawn(request));
        Assert.Equal(Errno.ENOENT, e.Errno);
        Assert.StartsWith("exec no-such-program: not found in PATH", e.Message, StringComparison.Ordinal);

        e = Assert.Throws<LinuxException>(() => Spawner.Spawn(request with { Path = "/no/such" }));
        Assert.Equal("exec /no/such: No such file or directory (ENOENT)", e.Message);

        e = Assert.Throws<LinuxException>(
            () => Spawner.Spawn(request with { Path = "/bin/true", WorkingDirectory = "/no/dir" }));
        Assert.Equal("chdir /no/dir: No such file or directory (ENOENT)", e.Message);

        e = Assert.Throws<LinuxException>(() => Spawner.Spawn(request with { Path = "/etc/passwd" }));
        Assert.Equal(Errno.EACCES, e.Errno);

        e = Assert.Throws<LinuxException>(
            () => Spawner.Spawn(request with { Path = "/no/such", WithoutMembarrier = true }));
        Assert.Equal("exec /no/such: No such file or directory (ENOENT)", e.Message);

        Assert.Throws<ArgumentException>(() => Spawner.Spawn(request with { Path = "/bin/true", Arguments = ["a\0"] }));
    }
}
