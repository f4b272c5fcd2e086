using Testing;

namespace EndToEnd;

/// <summary>Many pods, one after the other and several at a time: nothing grows.</summary>
public class PodChurnTests(Daemons daemons) : CriTest(daemons)
{
    private const int Pods = 30;
    private const int AtATime = 10;

    /// <summary>On the newest containerd alone: what is counted is the shim's and the node's.</summary>
    [Fact]
    public async Task Thirty_pods_leave_no_memory_descriptors_or_mounts_behind()
    {
        Kubelet kubelet = await KubeletAsync(Tools.ContainerdVersions[^1]);
        // One stays, and its containers come and go as the pods do.
        Pod witness = await RunPodAsync(kubelet);
        int shim = Processes.Shims(kubelet.Daemon).Single();
        await AssertSharedAsync(witness);
        await RunContainersAsync(witness);
        int descriptors = Descriptors(shim), mounts = Mounts();
        long memory = PrivateKilobytes(shim);
        for (int done = 0; done < Pods; done += AtATime)
        {
            Pod[] pods = await Task.WhenAll(Enumerable.Range(0, AtATime).Select(_ => RunPodAsync(kubelet)));
            await Task.WhenAll(pods.Select(AssertSharedAsync));
            Assert.Equal(AtATime + 1, Processes.Shims(kubelet.Daemon).Count);
            await Task.WhenAll(pods.Select(async pod =>
            {
                await pod.StopAsync();
                await pod.RemoveAsync();
            }));
            await Eventually.TrueAsync("one shim is left", () => Processes.Shims(kubelet.Daemon).Count == 1);
            await RunContainersAsync(witness);
            await Eventually.TrueAsync($"{mounts} mounts are left", () => Mounts() == mounts);
        }
        await AssertSharedAsync(witness);
        await Eventually.TrueAsync($"the shim has {descriptors} descriptors", () => Descriptors(shim) == descriptors);
        // Its heap grows by some 1,500 KiB until it is first collected, and no more; thirty containers that leaked
        // would show.
        Assert.InRange(PrivateKilobytes(shim) - memory, long.MinValue, 3072);
        // Processes, mounts, namespaces, cgroups and directories are counted when the test is over.
    }

    private static async Task<Pod> RunPodAsync(Kubelet kubelet)
    {
        Pod pod = await kubelet.RunPodAsync(new PodSettings
        {
            Annotations = new Dictionary<string, string> { ["dev.gvisor.spec.mount.data.share"] = "pod" },
            Volumes = [new EmptyDir("data")],
        });
        foreach (string name in (string[])["writer", "reader"])
            await pod.RunAsync(new ContainerSettings(name, "sleep", "1000")
            {
                Volumes = [new VolumeMount("data", "/data")],
            });
        return pod;
    }

    private static async Task AssertSharedAsync(Pod pod)
    {
        (await pod.Containers[0].ExecAsync("sh", "-c", "echo hello > /data/f")).Succeeded();
        Assert.Equal("hello\n", (await pod.Containers[1].ExecAsync("cat", "/data/f")).Succeeded());
    }

    /// <summary>Ten more containers in a pod, one after the other.</summary>
    private static async Task RunContainersAsync(Pod pod)
    {
        for (int i = 0; i < AtATime; i++)
        {
            PodContainer container = await pod.RunAsync(
                new ContainerSettings("passing", "cat", "/data/f") { Volumes = [new VolumeMount("data", "/data")] });
            Assert.Equal(0, (await container.UntilExitedAsync()).ExitCode);
            await container.RemoveAsync();
        }
    }

    private static int Mounts() => File.ReadLines("/proc/self/mountinfo").Count();

    private static int Descriptors(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    private static long PrivateKilobytes(int pid) => File.ReadLines($"/proc/{pid}/smaps_rollup")
        .Where(static line => line.StartsWith("Private_", StringComparison.Ordinal))
        .Sum(static line => long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            System.Globalization.CultureInfo.InvariantCulture));
}
