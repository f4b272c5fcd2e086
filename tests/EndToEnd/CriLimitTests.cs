using System.Globalization;
using Containerd.Grpc.Cri;
using Grpc.Core;
using Linux;
using Testing;

namespace EndToEnd;

/// <summary>Pods that no kubelet has made a cgroup for, as with crictl, are held to their limits all the same.
/// </summary>
public class CriLimitTests(Daemons daemons) : CriTest(daemons)
{
    private const long MiB = 1 << 20;

    // Kubelet's systemd driver names a slice; runsc without systemd-cgroup makes a directory of the name.
    private const string Slice = "kubepods-burstable-pod7d0f.slice";

    private readonly string _parent = $"/shim-limits-{Guid.NewGuid():N}";

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task The_sandbox_has_the_sum_of_its_containers_limits_as_they_come_and_go(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await RunPodAsync(kubelet, _parent);
        Assert.Equal((null, null), HeldTo(pod));
        PodContainer one = await RunAsync(pod, "one", memory: 100 * MiB, quota: 20_000);
        Assert.Equal((100 * MiB, 20_000), HeldTo(pod));
        PodContainer two = await RunAsync(pod, "two", memory: 200 * MiB, quota: 0);
        Assert.Equal((300 * MiB, null), HeldTo(pod));
        await UpdateAsync(kubelet, two, memory: 250 * MiB, quota: 40_000);
        Assert.Equal((350 * MiB, 60_000), HeldTo(pod));
        await one.StopAsync(0);
        await Eventually.TrueAsync("the limit is lowered", () => HeldTo(pod) == (250 * MiB, 40_000));
        // What is in use cannot be taken away.
        (await two.ExecAsync("dd", "if=/dev/zero", "of=/dev/shm/file", "bs=1M", "count=60")).Succeeded();
        await Assert.ThrowsAsync<RpcException>(() => UpdateAsync(kubelet, two, memory: 50 * MiB, quota: 30_000));
        Assert.Equal((250 * MiB, 40_000), HeldTo(pod));
        PodContainer three = await RunAsync(pod, "three", memory: 0, quota: 0);
        Assert.Equal((null, null), HeldTo(pod));
        await three.RemoveAsync();
        await Eventually.TrueAsync("the limit is lowered", () => HeldTo(pod) == (250 * MiB, 40_000));
    }

    /// <summary>gVisor frees the memory of a container that has ended some time later.</summary>
    [Theory, ContainerdVersions(NewestOnly = true), VirtualMachine]
    public async Task The_limit_is_lowered_when_the_memory_of_an_ended_container_is_free(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await RunPodAsync(kubelet, _parent);
        await RunAsync(pod, "small", memory: 100 * MiB, quota: 0);
        PodContainer large = await RunAsync(pod, "large", memory: 400 * MiB, quota: 0);
        (await large.ExecAsync("dd", "if=/dev/zero", "of=/dev/file", "bs=1M", "count=200")).Succeeded();
        Assert.Equal((500 * MiB, null), HeldTo(pod));
        await large.StopAsync(0);
        await Eventually.TrueAsync("the limit is lowered", () => HeldTo(pod) == (100 * MiB, null));
        (await pod.Containers[0].ExecAsync("true")).Succeeded();
    }

    [Theory, ContainerdVersions]
    public async Task The_sandbox_has_no_more_than_the_limits_of_its_pod(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await RunPodAsync(kubelet, Slice, new LinuxContainerResources
        {
            CpuPeriod = 50_000,
            CpuQuota = 20_000,
            CpuShares = 300,
            MemoryLimitInBytes = 150 * MiB,
        });
        Assert.Equal((150 * MiB, 20_000), HeldTo(pod));
        PodContainer one = await RunAsync(pod, "one", memory: 100 * MiB, quota: 30_000);
        Assert.Equal((100 * MiB, 15_000), HeldTo(pod));
        await RunAsync(pod, "two", memory: 100 * MiB, quota: 30_000);
        Assert.Equal((150 * MiB, 20_000), HeldTo(pod));
        // A kubelet that makes a container larger makes its pod larger, and nobody tells the shim of that.
        await UpdateAsync(kubelet, one, memory: 130 * MiB, quota: 30_000);
        Assert.Equal((180 * MiB, 20_000), HeldTo(pod));
    }

    [Theory, ContainerdVersions(NewestOnly = true), VirtualMachine]
    public async Task A_container_that_exceeds_its_limit_is_killed(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await RunPodAsync(kubelet, _parent);
        PodContainer container = await pod.RunAsync(
            new ContainerSettings("big", "dd", "if=/dev/zero", "of=/dev/null", "bs=300M")
            {
                Resources = new LinuxContainerResources { MemoryLimitInBytes = 100 * MiB },
            });
        ContainerStatus status = await container.UntilExitedAsync();
        Assert.Equal((137, "OOMKilled"), (status.ExitCode, status.Reason));
    }

    /// <summary>A sandbox needs more than this container may have, which need not be its end.</summary>
    [Theory, ContainerdVersions(NewestOnly = true)]
    public async Task A_container_with_less_memory_than_its_sandbox_uses_is_killed_when_it_uses_some(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await RunPodAsync(kubelet, _parent);
        PodContainer container = await pod.RunAsync(
            new ContainerSettings("small", "sh", "-c", "echo up; sleep 1; exec dd if=/dev/zero of=/dev/null bs=100M")
            {
                Resources = new LinuxContainerResources { MemoryLimitInBytes = 10 * MiB },
            });
        ContainerStatus status = await container.UntilExitedAsync();
        Assert.Equal((137, "OOMKilled"), (status.ExitCode, status.Reason));
        await container.UntilLoggedAsync("up");
    }

    protected override void CleanUp()
    {
        Cgroup.AtPath(CgroupHierarchies.Read(), _parent).RemoveIfEmpty();
    }

    private static async Task<Pod> RunPodAsync(Kubelet kubelet, string parent, LinuxContainerResources? limits = null)
    {
        Pod pod = await kubelet.MakePodAsync();
        pod.Config.Linux.CgroupParent = parent;
        pod.Config.Linux.Resources = limits;
        await pod.RunSandboxAsync();
        return pod;
    }

    private static Task<PodContainer> RunAsync(Pod pod, string name, long memory, long quota) =>
        pod.RunAsync(new ContainerSettings(name, "sleep", "1000") { Resources = Limits(memory, quota) });

    private static async Task UpdateAsync(Kubelet kubelet, PodContainer container, long memory, long quota) =>
        await kubelet.Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id,
            Linux = Limits(memory, quota),
        });

    private static LinuxContainerResources Limits(long memory, long quota) => new()
    {
        CpuPeriod = quota > 0 ? 100_000 : 0,
        CpuQuota = quota,
        MemoryLimitInBytes = memory,
    };

    /// <summary>The memory and the processor time in a period that the sandbox may use; null: any.</summary>
    private static (long? Memory, long? Quota) HeldTo(Pod pod)
    {
        Cgroup group = Cgroup.OfProcess(CgroupHierarchies.Read(), pod.SandboxPid);
        bool isV2 = group.Mode == CgroupMode.Unified;
        ulong memory = CgroupReader.MemoryLimit(group);
        string quota = File.ReadAllText(isV2
            ? $"{group.UnifiedDirectory}/cpu.max" : $"{group.DirectoryOf("cpu")}/cpu.cfs_quota_us").Split(' ')[0];
        return (memory > NodeMemory.Total ? null : (long)memory,
            long.TryParse(quota, CultureInfo.InvariantCulture, out long time) && time > 0 ? time : null);
    }
}
