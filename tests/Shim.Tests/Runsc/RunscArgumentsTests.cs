using Shim.Runsc;

namespace Shim.Tests.Runsc;

public sealed class RunscArgumentsTests
{
    [Fact]
    public void Global_flags()
    {
        var settings = new RunscSettings
        {
            Binary = "runsc",
            Root = "/run/containerd/runsc/k8s.io",
            Flags = new SortedDictionary<string, string>
            {
                ["platform"] = "systrap",
                ["debug"] = "true",
                ["log-packets"] = "",
            },
        };
        Assert.Equal(
            [
                "--root=/run/containerd/runsc/k8s.io", "--log=/b/log.json", "--log-format=json",
                "--debug=true", "--log-packets=", "--platform=systrap",
            ],
            RunscArguments.Global(settings, "/b/log.json"));
        Assert.Equal(
            [
                "--root=/run/containerd/runsc/k8s.io", "--log=/b/log.json", "--log-format=json",
                "--panic-log=/var/log/pods/p/gvisor_panic.log", "--debug=true", "--log-packets=", "--platform=systrap",
            ],
            RunscArguments.Global(settings with { PanicLog = "/var/log/pods/p/gvisor_panic.log" }, "/b/log.json"));
    }

    [Theory]
    [InlineData("/d/", 7, "--debug --debug-log=/d/ --debug-log-fd=7")]
    [InlineData("/d/log", 0, "--debug --debug-log=/d/log")]
    [InlineData("", 0, "--debug")]
    public void Debug_log_flags_come_last(string log, int descriptor, string expected)
    {
        var settings = new RunscSettings
        {
            Binary = "runsc",
            Root = "/r",
            Flags = new SortedDictionary<string, string>(),
            Debug = new DebugSettings(log, descriptor),
        };
        Assert.Equal(
            ["--root=/r", "--log=/b/log.json", "--log-format=json", .. expected.Split(' ')],
            RunscArguments.Global(settings, "/b/log.json"));
    }

    [Fact]
    public void Create()
    {
        Assert.Equal(
            ["create", "--bundle", "/b", "--pid-file", "/b/init.pid", "web+"],
            RunscArguments.Create("web+", "/b", "/b/init.pid", null, null));
        Assert.Equal(
            [
                "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--console-socket", "/run/tty/s",
                "--user-log", "/var/log/pods/p/gvisor.log", "web+",
            ],
            RunscArguments.Create("web+", "/b", "/b/init.pid", "/run/tty/s", "/var/log/pods/p/gvisor.log"));
    }

    [Fact]
    public void Exec()
    {
        Assert.Equal(
            [
                "exec", "--process", "/b/e.json", "--pid-file", "/b/e.pid", "--internal-pid-file", "/b/e.in", "web+",
            ],
            RunscArguments.Exec("web+", "/b/e.json", "/b/e.pid", "/b/e.in", null));
        Assert.Equal(
            [
                "exec", "--process", "/b/e.json", "--pid-file", "/b/e.pid", "--internal-pid-file", "/b/e.in",
                "--detach", "--console-socket", "/run/tty/s", "web+",
            ],
            RunscArguments.Exec("web+", "/b/e.json", "/b/e.pid", "/b/e.in", "/run/tty/s"));
    }

    [Theory]
    [InlineData(15, 0, false, "kill web+ 15")]
    [InlineData(9, 0, true, "kill --all web+ 9")]
    [InlineData(9, 7, false, "kill --pid 7 web+ 9")]
    [InlineData(9, 7, true, "kill --all web+ 9")]
    public void Kill(int signal, int pid, bool all, string expected) =>
        Assert.Equal(expected.Split(' '), RunscArguments.Kill("web+", signal, pid, all));

    [Fact]
    public void Create_with_file_systems_from_an_image()
    {
        Assert.Equal(
            [
                "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--fs-restore-image-path", "/i",
                "--fs-restore-direct", "web+",
            ],
            RunscArguments.Create("web+", "/b", "/b/init.pid", null, null, new RestoreSettings("/i", Direct: true)));
        Assert.Equal(
            ["create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--fs-restore-image-path", "/i", "web+"],
            RunscArguments.Create("web+", "/b", "/b/init.pid", null, null, new RestoreSettings("/i")));
    }

    [Fact]
    public void Checkpoint()
    {
        Assert.Equal(
            ["checkpoint", "--image-path=/i", "web+"],
            RunscArguments.Checkpoint("web+", "/i", new CheckpointSettings()));
        Assert.Equal(
            [
                "checkpoint", "--image-path=/i", "--leave-running", "--compression=none", "--direct",
                "--exclude-committed-zero-pages", "--save-restore-exec-argv=/bin/hook a b",
                "--save-restore-exec-timeout=10s", "--cuda-checkpoint-path=/bin/cuda", "--cuda-checkpoint-sequential",
                "--work-path=/w", "web+",
            ],
            RunscArguments.Checkpoint("web+", "/i", new CheckpointSettings
            {
                LeaveRunning = true,
                Compression = "none",
                Direct = true,
                ExcludeCommittedZeroPages = true,
                SaveRestoreExecArgv = "/bin/hook a b",
                SaveRestoreExecTimeout = "10s",
                CudaCheckpointPath = "/bin/cuda",
                CudaCheckpointSequential = true,
                WorkPath = "/w",
            }));
    }

    [Fact]
    public void Checkpoint_of_file_systems()
    {
        Assert.Equal(
            ["fscheckpoint", "--image-path=/i", "web+"],
            RunscArguments.FileSystemCheckpoint("web+", "/i", new FileSystemCheckpointSettings()));
        Assert.Equal(
            ["fscheckpoint", "--image-path=/i", "--leave-running", "--direct", "--path=all-tmpfs", "web+"],
            RunscArguments.FileSystemCheckpoint("web+", "/i",
                new FileSystemCheckpointSettings { LeaveRunning = true, Direct = true, Path = "all-tmpfs" }));
    }

    [Theory]
    [InlineData(false, false, "")]
    [InlineData(true, false, "--direct ")]
    [InlineData(true, true, "--direct --background ")]
    public void Restore(bool direct, bool background, string flags) =>
        Assert.Equal(
            $"restore --image-path=/i --detach {flags}web+".Split(' '),
            RunscArguments.Restore("web+", new RestoreSettings("/i", direct, background)));

    [Theory]
    [InlineData(WaitFor.Exit, 0, 0, "wait web+")]
    [InlineData(WaitFor.Exit, 7, 0, "wait --pid 7 web+")]
    [InlineData(WaitFor.Exit, 0, 9, "wait --rootpid 9 web+")]
    [InlineData(WaitFor.Checkpoint, 0, 0, "wait --checkpoint web+")]
    [InlineData(WaitFor.Restore, 0, 0, "wait --restore web+")]
    [InlineData(WaitFor.FileSystemCheckpoint, 0, 0, "wait --fscheckpoint web+")]
    [InlineData(WaitFor.FileSystemRestore, 0, 0, "wait --fsrestore web+")]
    internal void Wait(WaitFor what, int pid, int rootPid, string expected) =>
        Assert.Equal(expected.Split(' '), RunscArguments.Wait("web+", what, pid, rootPid));

    [Fact]
    public void Commands_with_only_an_id()
    {
        Assert.Equal(["start", "web+"], RunscArguments.Start("web+"));
        Assert.Equal(["delete", "--force", "web+"], RunscArguments.DeleteForce("web+"));
        Assert.Equal(["wait", "web+"], RunscArguments.Wait("web+"));
        Assert.Equal(["events", "--stats", "web+"], RunscArguments.Stats("web+"));
        Assert.Equal(["state", "web+"], RunscArguments.State("web+"));
        Assert.Equal(["pause", "web+"], RunscArguments.Pause("web+"));
        Assert.Equal(["resume", "web+"], RunscArguments.Resume("web+"));
    }
}
