using Testing;

namespace EndToEnd;

/// <summary>Containers that share a sandbox, made with `ctr` and the annotations that CRI uses.</summary>
public class PodTests(Daemons daemons) : ContainerTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task Two_containers_share_one_sandbox_and_one_shim(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        (string pod, string app) = await PodAsync(daemon);
        Assert.Single(Processes.Shims(daemon));
        string[] Kernel(string log) =>
            [.. log.Split('\n').Where(line => line.Contains("] ", StringComparison.Ordinal))];
        // gVisor makes up its boot messages, anew for each sandbox: the same ones mean the same kernel.
        string inPod = (await daemon.CtrAsync("tasks", "exec", "--exec-id", "k", pod, "dmesg")).Succeeded();
        string inApp = (await daemon.CtrAsync("tasks", "exec", "--exec-id", "k", app, "dmesg")).Succeeded();
        Assert.Equal(Kernel(inPod), Kernel(inApp));
    }

    [Theory, ContainerdVersions]
    public async Task Deleting_one_container_leaves_the_other_alone(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        (string pod, string app) = await PodAsync(daemon);
        string second = Id("second");
        (await daemon.CtrAsync(JoinPod(daemon, pod, second, "sh", "-c", "exit 4"))).Succeeded();
        await UntilStoppedAsync(daemon, second);
        // containerd runs the shim's `delete` after this, in a pod whose shim goes on serving.
        Assert.Contains("exit code 4", (await daemon.CtrAsync("tasks", "delete", second)).Error,
            StringComparison.Ordinal);
        (await daemon.CtrAsync("containers", "rm", second)).Succeeded();
        foreach (string id in (string[])[pod, app])
        {
            Assert.Equal("RUNNING", await StatusAsync(daemon, id));
            Assert.Equal("here\n",
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "here", id, "echo", "here")).Succeeded());
        }
        Assert.Single(Processes.Shims(daemon));
    }

    [Theory, ContainerdVersions]
    public async Task The_end_of_the_sandbox_ends_all_containers(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        (string pod, string app) = await PodAsync(daemon);
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", pod)).Succeeded();
        await UntilStoppedAsync(daemon, pod);
        await UntilStoppedAsync(daemon, app);
        Assert.Contains("exit code 137", (await daemon.CtrAsync("tasks", "delete", app)).Error,
            StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_container_that_cannot_start_is_stopped_and_can_be_deleted(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        (string pod, _) = await PodAsync(daemon);
        string bad = Id("bad");
        string error = (await daemon.CtrAsync(JoinPod(daemon, pod, bad, "/no/such/file"))).Failed();
        Assert.Contains("OCI runtime start failed", error, StringComparison.Ordinal);
        Assert.Contains("/no/such/file", error, StringComparison.Ordinal);
        Assert.Equal("STOPPED", await StatusAsync(daemon, bad));
        Assert.Contains("exit code 128", (await daemon.CtrAsync("tasks", "delete", bad)).Error,
            StringComparison.Ordinal);
        Assert.Equal("RUNNING", await StatusAsync(daemon, pod));
    }

    [Theory, ContainerdVersions]
    public async Task Containers_whose_ids_share_a_prefix_are_kept_apart(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string web = Id("web"), web2 = $"{web}2", web3 = $"{web}-3";
        foreach (string id in (string[])[web, web2, web3])
            (await daemon.CtrAsync(daemon.Run(id, ["-d"], "sleep", "1000"))).Succeeded();
        foreach (string id in (string[])[web, web2, web3])
            Assert.Equal("mine\n",
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "e", id, "echo", "mine")).Succeeded());
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", web)).Succeeded();
        await UntilStoppedAsync(daemon, web);
        await daemon.CtrAsync("tasks", "delete", web);
        // Also what containerd runs when it lost a shim: by then runsc has no container of exactly this id.
        await Command.RunAsync(Tools.Shim, ["-namespace", "default", "-id", web, "-address", daemon.Socket,
            "-bundle", Path.Combine(daemon.Directory, $"state/io.containerd.runtime.v2.task/default/{web2}/../{web}"),
                "delete"]);
        foreach (string id in (string[])[web2, web3])
        {
            Assert.Equal("RUNNING", await StatusAsync(daemon, id));
            Assert.Equal("mine\n",
                (await daemon.CtrAsync("tasks", "exec", "--exec-id", "e", id, "echo", "mine")).Succeeded());
        }
    }

    private async Task<(string Pod, string App)> PodAsync(Daemon daemon)
    {
        string pod = Id("pod"), app = Id("app");
        (await daemon.CtrAsync(daemon.Run(pod,
            ["-d", .. PodAnnotations.OfSandbox(pod).ToFlags()],
            "sleep", "1000"))).Succeeded();
        (await daemon.CtrAsync(JoinPod(daemon, pod, app, "sleep", "1000"))).Succeeded();
        return (pod, app);
    }

    private static string[] JoinPod(Daemon daemon, string pod, string id, params string[] command) => daemon.Run(id,
        ["-d", .. PodAnnotations.OfContainer(pod).ToFlags()],
        command);
}
