using Containerd.Grpc.Cri;
using Testing;

namespace EndToEnd;

/// <summary>Pods as a kubelet runs them.</summary>
public class CriPodTests(Daemons daemons) : CriTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task A_pod_of_two_containers_starts_and_stops(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        PodContainer first = await pod.RunAsync(new ContainerSettings("first", "sh", "-c",
            "echo one; echo two >&2; sleep 1000"));
        PodContainer second = await pod.RunAsync(new ContainerSettings("second", "sh", "-c", "echo $GREETING; exit 3")
        {
            Environment = new Dictionary<string, string> { ["GREETING"] = "hello, pod" },
        });
        Assert.Equal("stdout", (await first.UntilLoggedAsync("one")).Output);
        Assert.Equal("stderr", (await first.UntilLoggedAsync("two")).Output);
        await second.UntilLoggedAsync("hello, pod");
        ContainerStatus status = await second.UntilExitedAsync();
        Assert.Equal((3, "Error"), (status.ExitCode, status.Reason));
        Assert.Equal(ContainerState.ContainerRunning, (await first.StatusAsync()).State);
        Assert.Single(Processes.Shims(kubelet.Daemon));
        await pod.StopAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, (await pod.StatusAsync()).State);
        Assert.Equal(137, (await first.UntilExitedAsync()).ExitCode);
        await pod.RemoveAsync();
    }

    [Theory, ContainerdVersions]
    public async Task An_init_container_runs_before_the_app(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings { Volumes = [new EmptyDir("data")] });
        VolumeMount[] volumes = [new VolumeMount("data", "/data")];
        PodContainer init = await pod.RunAsync(
            new ContainerSettings("init", "sh", "-c", "echo prepared >/data/file") { Volumes = volumes });
        ContainerStatus status = await init.UntilExitedAsync();
        Assert.Equal((0, "Completed"), (status.ExitCode, status.Reason));
        PodContainer app = await pod.RunAsync(
            new ContainerSettings("app", "sh", "-c", "cat /data/file; sleep 1000") { Volumes = volumes });
        await app.UntilLoggedAsync("prepared");
    }

    [Theory, ContainerdVersions]
    public async Task A_container_that_exited_is_recreated_in_the_running_pod(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer other = await pod.RunAsync(new ContainerSettings("other", "sleep", "1000"));
        var settings = new ContainerSettings("app", "sh", "-c", "echo run; echo because >/dev/termination-log; exit 1");
        PodContainer before = await pod.RunAsync(settings);
        Assert.Equal(1, (await before.UntilExitedAsync()).ExitCode);
        Assert.Equal("because\n",
            await File.ReadAllTextAsync(before.TerminationLog, TestContext.Current.CancellationToken));
        PodContainer after = await pod.RunAsync(settings);
        Assert.Equal(1u, after.Attempt);
        Assert.Equal(1, (await after.UntilExitedAsync()).ExitCode);
        await before.RemoveAsync();
        Assert.Equal("run", Assert.Single(before.Log).Text);
        Assert.Equal("run", Assert.Single(after.Log).Text);
        Assert.Equal("alive\n", (await other.ExecAsync("echo", "alive")).Succeeded());
    }

    [Theory, ContainerdVersions]
    public async Task A_pod_has_an_address_and_a_name(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        Assert.StartsWith("10.213.", (await pod.StatusAsync()).Network.Ip, StringComparison.Ordinal);
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        Assert.Equal($"{pod.Name}\n", (await container.ExecAsync("hostname")).Succeeded());
        Assert.Contains("nameserver 10.96.0.10\n", (await container.ExecAsync("cat", "/etc/resolv.conf")).Succeeded(),
            StringComparison.Ordinal);
        Assert.StartsWith("# Kubernetes-managed", (await container.ExecAsync("cat", "/etc/hosts")).Succeeded(),
            StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task The_sandbox_is_in_the_pods_cgroup_and_its_containers_share_memory(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer a = await pod.RunAsync(new ContainerSettings("a", "sleep", "1000"));
        PodContainer b = await pod.RunAsync(new ContainerSettings("b", "sleep", "1000"));
        Assert.Contains($":{pod.CgroupPath}\n", await File.ReadAllTextAsync($"/proc/{pod.SandboxPid}/cgroup"),
            StringComparison.Ordinal);
        (await a.ExecAsync("sh", "-c", "echo shared > /dev/shm/f")).Succeeded();
        Assert.Equal("shared\n", (await b.ExecAsync("cat", "/dev/shm/f")).Succeeded());
    }

    /// <summary>containerd mounts a tmpfs of 64 MiB for it on the node.</summary>
    [Theory, ContainerdVersions]
    public async Task The_shared_memory_has_the_limit_of_that_on_the_node(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        Assert.Matches(@"\s65536\s", (await container.ExecAsync("df", "-k", "/dev/shm")).Succeeded());
        (await container.ExecAsync("dd", "if=/dev/zero", "of=/dev/shm/fits", "bs=1M", "count=60")).Succeeded();
        Assert.Contains("No space left",
            (await container.ExecAsync("dd", "if=/dev/zero", "of=/dev/shm/more", "bs=1M", "count=5")).Failed(),
            StringComparison.Ordinal);
    }

    /// <summary>crictl takes any text, and its users write such ones.</summary>
    [Theory, ContainerdVersions]
    public async Task A_pod_whose_uid_is_not_of_Kubernetes_runs(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync();
        pod.Config.Metadata.Uid = "nydus_sandbox.1";
        await pod.RunSandboxAsync();
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        Assert.Equal("alive\n", (await container.ExecAsync("echo", "alive")).Succeeded());
    }

    /// <summary>
    /// The runsc of these tests has no network stack of its own. With network=host it uses the network namespace that
    /// it is in, which is the pod's.
    /// </summary>
    [Theory, ContainerdVersions]
    public async Task Pods_reach_each_other(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod server = await kubelet.RunPodAsync(new PodSettings { Handler = Kubelet.HostNetworkHandler });
        Pod client = await kubelet.RunPodAsync(new PodSettings { Handler = Kubelet.HostNetworkHandler });
        string address = (await server.StatusAsync()).Network.Ip;
        PodContainer listener = await server.RunAsync(new ContainerSettings("listener", "sh", "-c",
            "echo listening; exec nc -ll -p 8080 -e echo hello"));
        PodContainer asking = await client.RunAsync(new ContainerSettings("asking", "sleep", "1000"));
        await listener.UntilLoggedAsync("listening");
        await Eventually.TrueAsync("the other pod answers",
            async () =>
                (await asking.ExecAsync(5, "nc", "-w", "2", address, "8080")) is { ExitCode: 0, Output: "hello\n" });
    }

    [Theory, ContainerdVersions]
    public async Task A_pod_finds_its_address_on_its_interface(string version)
    {
        Assert.SkipUnless(await RunscCapabilities.ShowsHostInterfacesAsync(),
            "this runsc shows no interface with network=host");
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings { Handler = Kubelet.HostNetworkHandler });
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        string address = (await pod.StatusAsync()).Network.Ip;
        Assert.Contains($"inet {address}/16", (await container.ExecAsync("ip", "addr")).Succeeded(),
            StringComparison.Ordinal);
    }

    [Theory, ContainerdVersions]
    public async Task A_pod_in_the_nodes_network_has_the_nodes_interfaces(string version)
    {
        Assert.SkipUnless(await RunscCapabilities.ShowsHostInterfacesAsync(),
            "this runsc shows no interface with network=host");
        // Those of others at work on this machine may come and go meanwhile.
        IReadOnlyList<string> before = NetworkInterfaces.OfNode;
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings
        {
            HostNetwork = true,
            Handler = Kubelet.HostNetworkHandler
        });
        Assert.Equal("", (await pod.StatusAsync()).Network.Ip);
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        IReadOnlyList<string> found = NetworkInterfaces.Parse(
            (await container.ExecAsync("cat", "/proc/net/dev")).Succeeded());
        Assert.Empty(before.Intersect(NetworkInterfaces.OfNode).Except(found));
    }

    [Theory, ContainerdVersions]
    public async Task A_pod_in_the_nodes_network_runs_without_a_network_of_its_own(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings { HostNetwork = true });
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        Assert.Equal(["lo"], NetworkInterfaces.Parse((await container.ExecAsync("cat", "/proc/net/dev")).Succeeded()));
    }
}
