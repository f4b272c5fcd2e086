using System.Diagnostics;
using System.Security.Cryptography;
using Testing;

namespace EndToEnd;

/// <summary>`ctr run`: a container from its start to its end.</summary>
public class RunTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task Output_reaches_the_caller(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult result = await daemon.CtrAsync(daemon.Run(Id("out"), ["--rm"], "sh", "-c",
            "echo to stdout; echo to stderr >&2"));
        Assert.Equal("to stdout\n", result.Succeeded());
        Assert.Equal("to stderr\n", result.Error);
    }

    [Theory, ContainerdVersions]
    public async Task The_kernel_is_gVisors(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult result = await daemon.CtrAsync(daemon.Run(Id("dmesg"), ["--rm"], "dmesg"));
        Assert.Contains("Starting gVisor", result.Succeeded(), StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task The_exit_code_of_the_process_is_returned(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult result = await daemon.CtrAsync(daemon.Run(Id("exit"), ["--rm"], "sh", "-c", "exit 7"));
        Assert.Equal(7, result.ExitCode);
    }

    [Theory, ContainerdVersions]
    public async Task Environment_and_working_directory_are_set(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult result = await daemon.CtrAsync(daemon.Run(
            Id("env"), ["--rm", "--env", "GREETING=hello", "--cwd", "/tmp"], "sh", "-c", "echo $GREETING; pwd; id -u"));
        Assert.Equal("hello\n/tmp\n0\n", result.Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task The_user_is_set(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult user = await daemon.CtrAsync(daemon.Run(Id("user"), ["--rm", "--user", "1000:1000"], "id"));
        Assert.SkipWhen(user.Error.Contains("flag provided but not defined", StringComparison.Ordinal),
            "this ctr runs containers as root only");
        Assert.StartsWith("uid=1000(user) gid=1000(user)", user.Succeeded(), StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task Stdin_reaches_the_process_and_ends(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        byte[] input = RandomNumberGenerator.GetBytes(300_000);
        CommandResult result = await daemon.CtrAsync(input, daemon.Run(Id("stdin"), ["--rm"], "cat"));
        result.Succeeded();
        Assert.Equal(input, result.OutputBytes);
    }

    [Theory, ContainerdVersions]
    public async Task A_process_that_ends_at_once_is_reported(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        await using EventWatch events = EventWatch.Open(daemon);
        string id = Id("quick");
        (await daemon.CtrAsync(daemon.Run(id, ["--rm"], "true"))).Succeeded();
        Assert.Equal(
            ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"],
            await events.TaskTopicsAsync(id, until: "/tasks/delete"));
    }

    /// <summary>
    /// The process ends when its output has arrived: containerd's client closes its FIFOs when a process has exited,
    /// whether or not it has read all of them, with runc too.
    /// </summary>
    [Theory, ContainerdVersions]
    public async Task A_large_output_arrives_complete(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        using var bound = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        string[] run = daemon.Run(Id("flood"), ["--rm"], "sh", "-c",
            "dd if=/dev/urandom of=/tmp/x bs=1M count=64 2>/dev/null; "
            + "sha256sum </tmp/x | cut -d' ' -f1 >&2; cat /tmp/x; read arrived");
        using Process ctr = Command.Start(daemon.Ctr, ["-a", daemon.Socket, .. run],
            environment: Daemon.CtrEnvironment);
        try
        {
            Stream stdout = ctr.StandardOutput.BaseStream;
            byte[] output = new byte[64 << 20];
            await stdout.ReadExactlyAsync(output, bound.Token);
            await ctr.StandardInput.WriteLineAsync();
            ctr.StandardInput.Close();
            Assert.Equal(0, await stdout.ReadAsync(new byte[1], bound.Token));
            string error = await ctr.StandardError.ReadToEndAsync(bound.Token);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(output)), error.Trim());
            await ctr.WaitForExitAsync(bound.Token);
            Assert.Equal(0, ctr.ExitCode);
        }
        finally
        {
            ctr.Kill();
        }
    }

    [Theory, ContainerdVersions]
    public async Task The_root_file_system_can_be_read_only(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        CommandResult result = await daemon.CtrAsync(daemon.Run(Id("ro"), ["--rm", "--read-only"], "touch", "/file"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Read-only file system", result.Error, StringComparison.Ordinal);
    }

    /// <summary>The shim's own is lower. With that a kernel would rather kill anything but the container.</summary>
    [Theory, ContainerdVersions]
    public async Task A_container_without_an_oom_score_has_containerds(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("score");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        string expected = await File.ReadAllTextAsync($"/proc/{daemon.Pid}/oom_score_adj");
        int[] started = [.. Processes.Mentioning(daemon.RunscRoot)];
        Assert.InRange(started.Length, 2, 10);
        Assert.All(started, pid => Assert.Equal(expected, File.ReadAllText($"/proc/{pid}/oom_score_adj")));
    }

    /// <summary>Only a pod's own shared memory is the sandbox's.</summary>
    [Theory, ContainerdVersions]
    public async Task A_directory_that_is_mounted_as_shared_memory_is_that_directory(string version)
    {
        string read = await ReadMountedAsync(version, "dst=/dev/shm,options=rbind:rw", "of the node", "/dev/shm/f");
        Assert.Equal("of the node\n", read);
    }

    [Theory, ContainerdVersions]
    public async Task A_relative_mount_destination_is_below_the_root(string version)
    {
        string read = await ReadMountedAsync(version, "dst=data,options=rbind:ro", "found", "/data/f");
        Assert.Equal("found\n", read);
    }

    [Theory, ContainerdVersions]
    public async Task A_container_runs_without_stdio(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("null");
        (await daemon.CtrAsync(daemon.Run(id, ["-d", "--null-io"], "sh", "-c",
            "echo nobody hears this; exec sleep 100"))).Succeeded();
        Assert.Contains("RUNNING", (await daemon.CtrAsync("tasks", "ls")).Succeeded(), StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_detached_container_keeps_running_and_can_be_signalled(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("web");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sh", "-c",
            "trap 'exit 3' TERM; touch /tmp/up; while :; do sleep 0.1; done"))).Succeeded();
        Assert.Matches($@"{id}\s+\d+\s+RUNNING", (await daemon.CtrAsync("tasks", "ls")).Succeeded());
        await UntilUpAsync(daemon, id);
        (await daemon.CtrAsync("tasks", "kill", "-s", "TERM", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        Assert.Contains("exit code 3", (await daemon.CtrAsync("tasks", "delete", id)).Error, StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_container_killed_by_SIGKILL_exits_with_137(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("kill");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "100"))).Succeeded();
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        Assert.Contains("exit code 137", (await daemon.CtrAsync("tasks", "delete", id)).Error,
            StringComparison.Ordinal);
    }

    /// <summary>What a container reads in a file of a directory of the node that is mounted.</summary>
    private async Task<string> ReadMountedAsync(string version, string mount, string content, string path)
    {
        Daemon daemon = await DaemonAsync(version);
        string directory = Directory.CreateDirectory(Path.Combine(daemon.Directory, Id("mounted"))).FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "f"), $"{content}\n");
        return (await daemon.CtrAsync(daemon.Run(Id("reader"),
            ["--rm", "--mount", $"type=bind,src={directory},{mount}"], "cat", path))).Succeeded();
    }
}
