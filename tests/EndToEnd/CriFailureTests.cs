using Containerd.Grpc.Cri;
using Testing;

namespace EndToEnd;

/// <summary>What a kubelet sees of a pod when something of it goes down.</summary>
public class CriFailureTests(Daemons daemons) : CriTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task A_killed_shim_ends_the_pod(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        (Pod pod, PodContainer container) = await PodAsync(kubelet);
        Linux.Signals.Send(Assert.Single(Processes.Shims(kubelet.Daemon)), Linux.Signals.SIGKILL);
        await EndsAsync(pod, container);
    }

    [Theory, ContainerdVersions]
    public async Task A_killed_sandbox_ends_the_pod(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        (Pod pod, PodContainer container) = await PodAsync(kubelet);
        Linux.Signals.Send(Assert.NotNull(Sandbox(kubelet.Daemon)), Linux.Signals.SIGKILL);
        Assert.Equal(137, await EndsAsync(pod, container));
    }

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task A_pod_survives_a_restart_of_containerd(string version)
    {
        Kubelet kubelet = await OwnKubeletAsync(version);
        (Pod pod, PodContainer container) = await PodAsync(kubelet);
        string node = Directory.CreateDirectory(Path.Combine(kubelet.Root, "node")).FullName;
        PodContainer ending = await pod.RunAsync(
            new ContainerSettings("ending", "sh", "-c",
                "until [ -e /node/go ]; do sleep 0.05; done; touch /node/gone; exit 4")
            {
                HostPaths = [new HostPathMount(node, "/node")],
            });
        await kubelet.Daemon.KillAsync();
        await File.WriteAllTextAsync(Path.Combine(node, "go"), "", TestContext.Current.CancellationToken);
        await Eventually.TrueAsync("the container ends", () => File.Exists(Path.Combine(node, "gone")));
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        Assert.Equal(ContainerState.ContainerRunning, (await container.StatusAsync()).State);
        Assert.Equal("on\n", (await container.ExecAsync("echo", "on")).Succeeded());
        Assert.Equal(4, (await ending.UntilExitedAsync()).ExitCode);
        PodContainer next = await pod.RunAsync(new ContainerSettings("next", "sh", "-c", "echo next; sleep 1000"));
        await next.UntilLoggedAsync("next");
    }

    private static async Task<(Pod Pod, PodContainer Container)> PodAsync(Kubelet kubelet)
    {
        Pod pod = await kubelet.RunPodAsync();
        return (pod, await pod.RunAsync(new ContainerSettings("app", "sleep", "1000")));
    }

    /// <summary>Waits for the unexpected end, and cleans up.</summary>
    private static async Task<int> EndsAsync(Pod pod, PodContainer container)
    {
        ContainerStatus status = await container.UntilExitedAsync();
        await Eventually.TrueAsync("the pod is not ready", async () =>
            (await pod.StatusAsync()).State == PodSandboxState.SandboxNotready);
        await Eventually.TrueAsync("the sandbox is gone", () => Sandbox(pod.Daemon) is null);
        await pod.RemoveAsync();
        return status.ExitCode;
    }

    private static int? Sandbox(Daemon daemon)
    {
        foreach (int pid in Processes.Mentioning(daemon.RunscRoot))
            if (Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal))
                return pid;
        return null;
    }
}
