using Containerd.Grpc.Cri;
using Grpc.Core;
using Testing;

namespace EndToEnd;

/// <summary>What a kubelet does with a container of a pod.</summary>
public class CriContainerTests(Daemons daemons) : CriTest(daemons)
{
    private const long Limit = 256 << 20;

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task CPU_and_memory_usage_are_reported(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer first = await pod.RunAsync(new ContainerSettings("first", "sh", "-c", "while :; do :; done"));
        PodContainer second = await pod.RunAsync(new ContainerSettings("second", "sh", "-c", "while :; do :; done"));
        foreach (PodContainer container in (PodContainer[])[first, second])
        {
            ContainerStats stats = await StatsAsync(kubelet, container);
            await Eventually.TrueAsync("its processor time grows", async () =>
                (await StatsAsync(kubelet, container))
                    .Cpu.UsageCoreNanoSeconds.Value > stats.Cpu.UsageCoreNanoSeconds.Value);
            Assert.True(stats.Memory.WorkingSetBytes.Value is > 0 and < Limit, $"{stats.Memory}");
            // Without a limit that is the node's memory, rather than 2^64 less what it uses.
            Assert.Equal(Linux.NodeMemory.Total - stats.Memory.WorkingSetBytes.Value,
                stats.Memory.AvailableBytes.Value);
            // What the programs use themselves.
            Assert.True(stats.Memory.RssBytes.Value > 0, $"{stats.Memory}");
        }
        Assert.Equal(2, (await kubelet.Runtime.ListContainerStatsAsync(new ListContainerStatsRequest
        {
            Filter = new ContainerStatsFilter { PodSandboxId = pod.Id },
        })).Stats.Count);
        LinuxPodSandboxStats sandbox = (await kubelet.Runtime.PodSandboxStatsAsync(
            new PodSandboxStatsRequest { PodSandboxId = pod.Id })).Stats.Linux;
        Assert.True(sandbox.Cpu.UsageCoreNanoSeconds.Value > 0 && sandbox.Memory.WorkingSetBytes.Value > 0,
            $"{sandbox}");
        Assert.Equal(2, sandbox.Containers.Count);
    }

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task Limits_can_be_changed(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        await kubelet.Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id,
            Linux = new LinuxContainerResources
            {
                CpuPeriod = 100_000,
                CpuQuota = 50_000,
                CpuShares = 512,
                MemoryLimitInBytes = Limit
            },
        });
        LinuxContainerResources reported = (await container.StatusAsync()).Resources.Linux;
        Assert.Equal((50_000, 512, Limit), (reported.CpuQuota, reported.CpuShares, reported.MemoryLimitInBytes));
        Assert.Equal(Limit, container.MemoryLimit);
        ContainerStats stats = await StatsAsync(kubelet, container);
        Assert.Equal(Limit - stats.Memory.WorkingSetBytes.Value, stats.Memory.AvailableBytes.Value);
    }

    /// <summary>Kubelet's systemd driver names it so; runsc without systemd-cgroup makes a directory of it.</summary>
    [Theory, ContainerdVersions]
    public async Task Limits_can_be_changed_where_the_cgroup_is_a_slice(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.MakePodAsync();
        pod.Config.Linux.CgroupParent = $"pod{pod.Uid}.slice";
        await pod.RunSandboxAsync();
        PodContainer container = await pod.RunAsync(new ContainerSettings("app", "sleep", "1000"));
        await kubelet.Runtime.UpdateContainerResourcesAsync(new UpdateContainerResourcesRequest
        {
            ContainerId = container.Id,
            Linux = new LinuxContainerResources { MemoryLimitInBytes = Limit },
        });
        ContainerStats stats = await StatsAsync(kubelet, container);
        Assert.Equal(Limit - stats.Memory.WorkingSetBytes.Value, stats.Memory.AvailableBytes.Value);
    }

    [Theory, ContainerdVersions]
    public async Task Stop_sends_SIGTERM_and_then_SIGKILL(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        string Loop(string trap) => $"trap '{trap}' TERM; echo up; while :; do sleep 0.1; done";
        PodContainer obeying = await pod.RunAsync(new ContainerSettings("obeying", "sh", "-c",
            Loop("echo bye; exit 5")));
        PodContainer deaf = await pod.RunAsync(new ContainerSettings("deaf", "sh", "-c", Loop("echo no")));
        await obeying.UntilLoggedAsync("up");
        await deaf.UntilLoggedAsync("up");
        await obeying.StopAsync(30);
        Assert.Equal(5, (await obeying.StatusAsync()).ExitCode);
        await obeying.UntilLoggedAsync("bye");
        await deaf.StopAsync(1);
        Assert.Equal(137, (await deaf.StatusAsync()).ExitCode);
        await deaf.UntilLoggedAsync("no");
        Assert.Equal(PodSandboxState.SandboxReady, (await pod.StatusAsync()).State);
        await obeying.StopAsync(30); // again, as kubelets do
    }

    [Theory, ContainerdVersions]
    public async Task The_log_can_be_rotated(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer container = await pod.RunAsync(
            new ContainerSettings("app", "sh", "-c", "n=0; while :; do echo line $n; n=$((n+1)); sleep 0.05; done"));
        await container.UntilLoggedAsync("line 2");
        File.Move(container.LogFile, $"{container.LogFile}.1");
        await kubelet.Runtime.ReopenContainerLogAsync(new ReopenContainerLogRequest { ContainerId = container.Id });
        await Eventually.TrueAsync("lines in the new log", () => container.Log.Count > 2);
        await container.StopAsync(0);
        string[] lines =
            [.. (await File.ReadAllLinesAsync($"{container.LogFile}.1", TestContext.Current.CancellationToken))
            .Select(line => LogLine.Parse(line).Text), .. container.Log.Select(static line => line.Text)];
        Assert.Equal(Enumerable.Range(0, lines.Length).Select(static n => $"line {n}"), lines);
    }

    [Theory, ContainerdVersions]
    public async Task A_container_that_cannot_start_reports_why(string version)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync();
        PodContainer container = await pod.CreateAsync(new ContainerSettings("app", "/no/such/file"));
        RpcException error = await Assert.ThrowsAsync<RpcException>(container.StartAsync);
        Assert.Contains("OCI runtime start failed", error.Status.Detail, StringComparison.Ordinal);
        ContainerStatus status = await container.StatusAsync();
        Assert.Equal((ContainerState.ContainerExited, 128, "StartError"),
            (status.State, status.ExitCode, status.Reason));
        Assert.Contains("/no/such/file", status.Message, StringComparison.Ordinal);
        await container.RemoveAsync();
        PodContainer next = await pod.RunAsync(new ContainerSettings("app", "sh", "-c", "echo fine; sleep 1000"));
        await next.UntilLoggedAsync("fine");
    }

    private static async Task<ContainerStats> StatsAsync(Kubelet kubelet, PodContainer container) =>
        (await kubelet.Runtime.ContainerStatsAsync(new ContainerStatsRequest { ContainerId = container.Id })).Stats;
}
