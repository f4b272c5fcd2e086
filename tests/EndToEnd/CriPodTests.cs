using Containerd.Grpc.Cri;
using Testing;

namespace EndToEnd;

/// <summary>Pods as a kubelet runs them.</summary>
public class CriPodTests(Daemons daemons) : CriTest(daemons)
{
    [Theory, ContainerdVersions]
    public async Task A_pod_of_two_containers_up_and_down(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        PodContainer first = await pod.RunAsync(new ContainerSettings("first", "sh", "-c", "echo one; echo two >&2; sleep 1000"));
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
        await pod.StopAsync();
        Assert.Equal(PodSandboxState.SandboxNotready, (await pod.StatusAsync()).State);
        Assert.Equal(137, (await first.UntilExitedAsync()).ExitCode);
        await pod.RemoveAsync();
    }
}
