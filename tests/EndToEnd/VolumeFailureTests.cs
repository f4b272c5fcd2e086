using Containerd.Grpc.Cri;
using Linux;
using Testing;

namespace EndToEnd;

/// <summary>
/// Pods that end badly while they write to their volume: the rest of the node stays usable, the pod is reported dead
/// within seconds, and its removal leaves nothing.
/// </summary>
public class VolumeFailureTests(Daemons daemons) : CriTest(daemons)
{
    private const string Writing = "while :; do dd if=/dev/zero of=/data/$HOSTNAME bs=1M count=16 2>/dev/null; done";
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(10);

    [Theory, ContainerdVersions]
    public Task A_killed_shim_ends_the_pod_and_its_volume(string version) =>
        KillAsync(version, static pod => Kill(ShimOf(pod)));

    [Theory, ContainerdVersions(NewestOnly = true)]
    public Task A_killed_sandbox_ends_the_pod_and_its_volume(string version) =>
        KillAsync(version, static pod => Kill(pod.SandboxPid));

    [Theory, ContainerdVersions(NewestOnly = true)]
    public async Task A_killed_gofer_ends_its_container_alone(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        (Pod pod, PodContainer writer) = await WritingPodAsync(kubelet);
        Pod other = await OtherPodAsync(kubelet);
        int gofer = Processes.Mentioning(writer.Id)
            .Single(pid => Processes.CommandLine(pid).StartsWith("runsc-gofer", StringComparison.Ordinal));
        Kill(gofer);
        // The sandbox ends the container that has lost its file system, and no other.
        await Eventually.TrueAsync("the container is reported dead",
            async () => (await writer.StatusAsync()).State == ContainerState.ContainerExited, s_bound);
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        await AssertUsableAsync(other);
        PodContainer again = await pod.RunAsync(Mounting("writer", "sleep", "1000"));
        Assert.Equal("/data/pod1\n", (await again.ExecAsync("sh", "-c", "ls /data/pod1")).Succeeded());
        await RemoveAsync(pod);
    }

    [Theory, ContainerdVersions]
    public async Task A_volume_survives_a_kill_of_containerd(string version)
    {
        Kubelet kubelet = await OwnKubeletAsync(version);
        (Pod pod, PodContainer writer) = await WritingPodAsync(kubelet);
        await kubelet.Daemon.KillAsync();
        string store = Path.Combine(pod.VolumePath("data"), $".gvisor.filestore.{pod.Id}");
        DateTime written = File.GetLastWriteTimeUtc(store);
        await Eventually.TrueAsync("the pod goes on writing", () => File.GetLastWriteTimeUtc(store) > written);
        await kubelet.Daemon.StartProcessAsync();
        await kubelet.UntilReadyAsync();
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        Assert.Equal(ContainerState.ContainerRunning, (await writer.StatusAsync()).State);
        // What was decided about its volumes is known to containers that come now.
        PodContainer late = await pod.RunAsync(Mounting("late", "sleep", "1000"));
        Assert.Equal("/data/pod1\n", (await late.ExecAsync("sh", "-c", "ls /data/pod1")).Succeeded());
        await RemoveAsync(pod);
    }

    private async Task KillAsync(string version, Action<Pod> kill)
    {
        Kubelet kubelet = await KubeletAsync(version);
        (Pod pod, PodContainer writer) = await WritingPodAsync(kubelet);
        Pod other = await OtherPodAsync(kubelet);
        kill(pod);
        await Eventually.TrueAsync("the pod is reported dead", async () =>
            (await pod.StatusAsync()).State == PodSandboxState.SandboxNotready
            && (await writer.StatusAsync()).State == ContainerState.ContainerExited, s_bound);
        await AssertUsableAsync(other);
        await RemoveAsync(pod);
        await AssertUsableAsync(other);
    }

    private static async Task<(Pod Pod, PodContainer Writer)> WritingPodAsync(Kubelet kubelet)
    {
        Pod pod = await kubelet.RunPodAsync(Settings);
        PodContainer writer = await pod.RunAsync(Mounting("writer", "sh", "-c", Writing));
        await pod.RunAsync(Mounting("reader", "sh", "-c", "while :; do cat /data/* > /dev/null; done"));
        string store = Path.Combine(pod.VolumePath("data"), $".gvisor.filestore.{pod.Id}");
        DateTime made = File.GetLastWriteTimeUtc(store);
        await Eventually.TrueAsync("the pod writes", () => File.GetLastWriteTimeUtc(store) > made);
        return (pod, writer);
    }

    private static async Task<Pod> OtherPodAsync(Kubelet kubelet)
    {
        Pod other = await kubelet.RunPodAsync(Settings);
        await other.RunAsync(Mounting("app", "sleep", "1000"));
        return other;
    }

    private static async Task AssertUsableAsync(Pod pod) =>
        Assert.Equal("alive\n",
            (await pod.Containers[0].ExecAsync("sh", "-c", "echo alive > /data/f; cat /data/f")).Succeeded());

    /// <summary>Nothing of the pod stays: no process, and no file store.</summary>
    private static async Task RemoveAsync(Pod pod)
    {
        await pod.StopAsync();
        await Eventually.TrueAsync("the file store goes with the sandbox",
            () => Directory.GetFileSystemEntries(pod.VolumePath("data")).Length == 0, s_bound);
        await pod.RemoveAsync();
        await Eventually.TrueAsync("no process of the pod is left", () => Processes.Mentioning(pod.Id).Count == 0,
            s_bound);
    }

    private static PodSettings Settings => new()
    {
        Annotations = new Dictionary<string, string> { ["dev.gvisor.spec.mount.data.share"] = "pod" },
        Volumes = [new EmptyDir("data")],
    };

    private static ContainerSettings Mounting(string name, params string[] command) =>
        new(name, command) { Volumes = [new VolumeMount("data", "/data")] };

    private static int ShimOf(Pod pod) =>
        Processes.Shims(pod.Daemon).Single(shim =>
            Processes.CommandLine(shim).Contains(pod.Id, StringComparison.Ordinal));

    private static void Kill(int pid) => Assert.True(Signals.Send(pid, Signals.SIGKILL));
}
