using Testing;

namespace EndToEnd;

/// <summary>containerd is restarted: its containers keep running, and it knows them afterwards.</summary>
public class RestartTests(Daemons daemons) : ContainerTest(daemons)
{
    private const string Counting = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done";

    [Theory, ContainerdVersions]
    public Task Containers_survive_a_stop_and_start_of_containerd(string version) =>
        SurviveAsync(version, static daemon => daemon.StopAsync());

    [Theory, ContainerdVersions]
    public Task Containers_survive_a_kill_of_containerd(string version) =>
        SurviveAsync(version, static daemon => daemon.KillAsync());

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task An_exit_while_containerd_is_down_is_known_after_its_start(string version)
    {
        Daemon daemon = await OwnDaemonAsync(version);
        string id = Id("short");
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sh", "-c",
            "touch /tmp/up; while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 6"))).Succeeded();
        await UntilUpAsync(daemon, id);
        (await daemon.CtrAsync("tasks", "exec", "--detach", "--exec-id", "end", id, "sh", "-c",
            "sleep 1; touch /tmp/end")).Succeeded();
        await daemon.StopAsync();
        await Eventually.TrueAsync("the sandbox ends", () => !Processes.Mentioning(daemon.RunscRoot)
            .Any(pid => Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal)));
        await daemon.StartProcessAsync();
        // 1.6 shows it as stopped; 1.7 and later delete what has ended while they were away.
        bool isDeleted = ContainerdRelease.Of(version).IsAtLeast(1, 7);
        Assert.Equal(isDeleted ? "" : "STOPPED", await StatusAsync(daemon, id));
        Assert.Contains(isDeleted ? "not found" : "exit code 6",
            (await daemon.CtrAsync("tasks", "delete", id)).Error, StringComparison.Ordinal);
    }

    private async Task SurviveAsync(string version, Func<Daemon, Task> end)
    {
        Daemon daemon = await OwnDaemonAsync(version);
        string alone = Id("alone"), pod = Id("pod"), app = Id("app"), log = Path.Combine(daemon.Directory, "count.log");
        (await daemon.CtrAsync(daemon.Run(alone, ["-d", "--log-uri", $"file://{log}"], "sh", "-c", Counting)))
            .Succeeded();
        (await daemon.CtrAsync(daemon.Run(pod,
            ["-d", .. PodAnnotations.OfSandbox(pod).ToFlags()],
            "sleep", "1000"))).Succeeded();
        (await daemon.CtrAsync(daemon.Run(app,
            ["-d", .. PodAnnotations.OfContainer(pod).ToFlags()],
            "sleep", "1000"))).Succeeded();
        IReadOnlyList<int> shims = Processes.Shims(daemon);
        Assert.Equal(2, shims.Count);

        await end(daemon);
        await daemon.StartProcessAsync();
        await using EventWatch events = EventWatch.Open(daemon);

        foreach (string id in (string[])[alone, pod, app])
        {
            Assert.Equal("RUNNING", await StatusAsync(daemon, id));
            Assert.Equal("still here\n",
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "after", id, "echo", "still here")).Succeeded());
        }
        Assert.Equal(shims.Order(), Processes.Shims(daemon).Order());
        // The output has no gap: every number follows the one before it.
        string[] lines = (await File.ReadAllTextAsync(log, TestContext.Current.CancellationToken)).Split('\n')[..^1];
        Assert.Equal(Enumerable.Range(1, lines.Length).Select(i => $"{i}"), lines);
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", app)).Succeeded();
        // The first of them met the connection to the containerd that is gone, and was sent again.
        Assert.Equal(["/tasks/exec-added", "/tasks/exec-started", "/tasks/exit", "/tasks/exit"],
            await events.TaskTopicsAsync(app, until: "/tasks/exit", times: 2));
        await UntilStoppedAsync(daemon, app);
        Assert.Contains("exit code 137", (await daemon.CtrAsync("tasks", "delete", app)).Error,
            StringComparison.Ordinal);
        Assert.Equal("RUNNING", await StatusAsync(daemon, pod));
    }
}
