using Containerd.Grpc.Cri;
using Grpc.Core;
using Testing;

namespace EndToEnd;

/// <summary>What of a pod's mounts stays when a volume is in the sandbox: limits, options, propagation.</summary>
public class VolumeMountTests(Daemons daemons) : CriTest(daemons)
{
    private static readonly string[] s_sleep = ["sleep", "1000"];

    private static readonly Dictionary<string, string> s_shared =
        new() { ["dev.gvisor.spec.mount.data.share"] = "pod" };

    /// <summary>What a container mounts in a volume of the sandbox cannot appear on the node, nor need it.</summary>
    [Theory, ContainerdVersions]
    public async Task Bidirectional_propagation_is_dropped_in_the_sandbox_and_rejected_elsewhere(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync(new PodSettings
        {
            Annotations = s_shared,
            Volumes = [new EmptyDir("data")],
        });
        const MountPropagation Bidirectional = MountPropagation.PropagationBidirectional;
        string other = Directory.CreateDirectory(Path.Combine(kubelet.Root, "other")).FullName;
        // The CRI requires that the sources are in a shared mount.
        (await Command.RunAsync("mount", ["--bind", kubelet.Root, kubelet.Root])).Succeeded();
        try
        {
            (await Command.RunAsync("mount", ["--make-shared", kubelet.Root])).Succeeded();
            await pod.RunSandboxAsync();
            PodContainer container = await pod.RunAsync(new ContainerSettings("app", s_sleep)
            {
                Volumes = [new VolumeMount("data", "/data", Propagation: Bidirectional)],
            });
            (await container.ExecAsync("touch", "/data/file")).Succeeded();
            RpcException e = await Assert.ThrowsAsync<RpcException>(() => pod.RunAsync(
                new ContainerSettings("other", s_sleep)
                {
                    HostPaths = [new HostPathMount(other, "/other", Propagation: Bidirectional)],
                }));
            Assert.Contains("mount /other has the propagation rshared (Bidirectional), which gVisor does not support",
                e.Status.Detail, StringComparison.Ordinal);
            Assert.Contains("use HostToContainer or None", e.Status.Detail, StringComparison.Ordinal);
            await pod.RemoveAsync();
        }
        finally
        {
            Linux.Mounts.UnmountAll(kubelet.Root);
        }
    }

    /// <summary>Kubelet mounts a tmpfs with the volume's sizeLimit.</summary>
    [Theory, ContainerdVersions]
    public async Task A_volume_in_memory_keeps_its_limit_and_its_mounts_their_options(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync(new PodSettings
        {
            Annotations = s_shared,
            Volumes = [new EmptyDir("data", Memory: true)],
        });
        (await Command.RunAsync("mount", ["-o", "remount,size=8m", pod.VolumePath("data")])).Succeeded();
        await pod.RunSandboxAsync();
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", s_sleep)
        {
            Volumes = [new VolumeMount("data", "/data")],
        });
        Assert.Matches(@"\s8192\s", (await container.ExecAsync("df", "-k", "/data")).Succeeded());
        Assert.Contains("No space left",
            (await container.ExecAsync("dd", "if=/dev/zero", "of=/data/big", "bs=1M", "count=9")).Failed(),
            StringComparison.Ordinal);
        PodContainer reader = await pod.RunAsync(new ContainerSettings("reader", s_sleep)
        {
            Volumes = [new VolumeMount("data", "/data", ReadOnly: true)],
        });
        Assert.Contains("Read-only file system", (await reader.ExecAsync("touch", "/data/x")).Failed(),
            StringComparison.Ordinal);
    }
}
