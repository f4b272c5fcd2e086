using Linux;
using Testing;

namespace EndToEnd;

/// <summary>What `ctr tasks` can do with a running task, and with its output.</summary>
public class TaskTests(Daemons daemons) : ContainerTest(daemons)
{
    private const string Tick = "tick\n";

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task Pause_stops_the_task_and_resume_continues_it(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        (string id, string file) = await TickingAsync(daemon, "count");
        (_, string clock) = await TickingAsync(daemon, "clock");
        (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        Assert.Equal("PAUSED", await StatusAsync(daemon, id));
        long paused = new FileInfo(file).Length;
        // In the time in which another one ticks twenty times.
        long until = new FileInfo(clock).Length + 20 * Tick.Length;
        await Eventually.TrueAsync("time passes", () => new FileInfo(clock).Length >= until);
        Assert.Equal(paused, new FileInfo(file).Length);
        (await daemon.CtrAsync("tasks", "resume", id)).Succeeded();
        Assert.Equal("RUNNING", await StatusAsync(daemon, id));
        await Eventually.TrueAsync("it goes on", () => new FileInfo(file).Length > paused);
    }

    [Theory, ContainerdVersions]
    public async Task A_paused_task_can_be_killed(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("frozen");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        (await daemon.CtrAsync("tasks", "pause", id)).Succeeded();
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
    }

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task Metrics_include_memory_CPU_and_processes(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("busy");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sh", "-c", "while :; do :; done"))).Succeeded();
        bool isV2 = CgroupHierarchies.Read().Mode == CgroupMode.Unified;
        string metrics = "";
        await Eventually.TrueAsync("it has used CPU time", async () =>
        {
            metrics = (await daemon.CtrAsync("tasks", "metrics", id)).Succeeded();
            return ValueOf(metrics, isV2 ? "cpu.usage_usec" : "cpuacct.usage") > 0;
        });
        Assert.InRange(ValueOf(metrics, isV2 ? "memory.usage" : "memory.usage_in_bytes"), 1, 1L << 32);
        Assert.Equal(1, ValueOf(metrics, "pids.current"));
    }

    [Theory, ContainerdVersions]
    public async Task Output_can_go_to_a_file(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("logged"), file = Path.Combine(daemon.Directory, "logs", $"{id}.log");
        (await daemon.CtrAsync(daemon.Run(id, ["-d", "--log-uri", $"file://{file}"],
            "sh", "-c", "echo to stdout; echo to stderr >&2"))).Succeeded();
        await UntilStoppedAsync(daemon, id);
        Assert.Equal("to stdout\nto stderr\n",
            await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory, ContainerdVersions]
    public async Task Output_can_go_to_a_logging_program(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("piped"), program = Path.Combine(daemon.Directory, $"{id}.sh"), log = $"{program}.log";
        // As containerd's documentation has it: stdout on 3, stderr on 4, ready when 5 is closed.
        await File.WriteAllTextAsync(program, """
            #!/bin/sh
            log=$2
            {
              env | grep ^CONTAINER_ | sort
              cat <&3 | sed 's/^/out: /'
              cat <&4 | sed 's/^/err: /'
              echo end
            } >"$log.new" 5>&- &
            exec 5>&-
            wait
            mv "$log.new" "$log"
            """, TestContext.Current.CancellationToken);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        (await daemon.CtrAsync(daemon.Run(id, ["-d", "--log-uri", $"binary://{program}?log={log}"],
            "sh", "-c", "echo to stdout; echo to stderr >&2"))).Succeeded();
        await UntilStoppedAsync(daemon, id);
        await Eventually.TrueAsync("the logging program has read to the end", () => File.Exists(log));
        Assert.Equal($"CONTAINER_ID={id}\nCONTAINER_NAMESPACE=default\nout: to stdout\nerr: to stderr\nend\n",
            await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken));
    }

    [Theory, ContainerdVersions]
    public async Task A_task_that_was_never_started_can_be_killed_and_deleted(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("fresh");
        (await daemon.CtrAsync("containers", "create", "--runtime", "io.containerd.runsc.v1",
            "--runtime-config-path", daemon.ShimConfiguration, Tools.ImageName, id, "sleep", "1000")).Succeeded();
        // `ctr tasks start` creates, starts and waits, so the task is made over the API.
        await ContainerdClient.CreateTaskAsync(daemon, id);
        Assert.Equal("CREATED", await StatusAsync(daemon, id));
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        Assert.Contains("exit code 137", (await daemon.CtrAsync("tasks", "delete", id)).Error,
            StringComparison.Ordinal);
    }

    /// <summary>A container that writes ticks to a file.</summary>
    private async Task<(string Id, string File)> TickingAsync(Daemon daemon, string name)
    {
        string id = Id(name), file = Path.Combine(daemon.Directory, $"{id}.log");
        (await daemon.CtrAsync(daemon.Run(id, ["-d", "--log-uri", $"file://{file}"],
            "sh", "-c", "while :; do echo tick; sleep 0.05; done"))).Succeeded();
        await Eventually.TrueAsync("it ticks", () => File.Exists(file) && new FileInfo(file).Length > 0);
        return (id, file);
    }

    private static long ValueOf(string metrics, string name)
    {
        foreach (string line in metrics.Split('\n'))
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [string metric, string value, ..]
                && metric == name)
                return long.Parse(value, System.Globalization.CultureInfo.InvariantCulture);
        return -1;
    }
}
