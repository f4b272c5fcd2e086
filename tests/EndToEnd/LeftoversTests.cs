using Testing;

namespace EndToEnd;

/// <summary>
/// What the other tests rely on: what a containerd's containers leave is found, and another containerd's is not.
/// </summary>
public class LeftoversTests(Daemons daemons) : ContainerTest(daemons)
{
    private static readonly string[] s_sleep = ["sleep", "1000"];

    [Theory, ContainerdVersions]
    public async Task A_running_container_is_found_and_one_that_is_removed_is_not(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        string id = Id("left");
        Leftovers leftovers = Leftovers.Before(daemon);
        (await daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep))).Succeeded();
        AssertKinds(["bundle", "cgroup", "mount", "process", "runsc state", "socket"], leftovers);
        Assert.Contains(("default", id), daemon.Containers);
        (await daemon.CtrAsync("tasks", "kill", "-s", "KILL", id)).Succeeded();
        await UntilStoppedAsync(daemon, id);
        await daemon.CtrAsync("tasks", "delete", id);
        (await daemon.CtrAsync("containers", "rm", id)).Succeeded();
        await leftovers.AssertNoneAsync();
    }

    [Theory, ContainerdVersions, VirtualMachine]
    public async Task A_running_pod_is_found_and_one_that_is_removed_is_not(string version)
    {
        Daemon daemon = await DaemonAsync(version);
        Leftovers leftovers = Leftovers.Before(daemon);
        await using (Kubelet kubelet = await Kubelet.StartAsync(daemon))
        {
            Pod pod = await kubelet.RunPodAsync();
            await pod.RunAsync(new ContainerSettings("app", s_sleep));
            AssertKinds(
                ["bundle", "cgroup", "mount", "network interface", "network state", "process", "runsc state", "socket"],
                leftovers);
        }
        await leftovers.AssertNoneAsync();
    }

    /// <summary>
    /// A container and a pod come, stay and go there, with everything that could be taken for this one's.
    /// </summary>
    [Fact]
    public async Task What_another_containerd_makes_is_not_taken_for_a_leftover()
    {
        Daemon daemon = await DaemonAsync(Tools.ContainerdVersions[^1]);
        await using Daemon other = await Daemon.StartAsync(Tools.ContainerdVersions[^1]);
        string passing = Id("passing"), staying = Id("staying");
        (await other.CtrAsync(other.Run(passing, ["-d"], s_sleep))).Succeeded();
        Leftovers leftovers = Leftovers.Before(daemon), others = Leftovers.Before(other);
        (await other.CtrAsync(other.Run(staying, ["-d"], s_sleep))).Succeeded();
        await using Kubelet kubelet = await Kubelet.StartAsync(other);
        Pod pod = await kubelet.RunPodAsync();
        await pod.RunAsync(new ContainerSettings("app", s_sleep));
        (await other.CtrAsync("tasks", "kill", "-s", "KILL", passing)).Succeeded();
        await UntilStoppedAsync(other, passing);
        await other.CtrAsync("tasks", "delete", passing);
        Assert.NotEmpty(others.Found);
        Assert.Empty(leftovers.Found);
        await RemoveContainersAsync(other);
    }

    private static void AssertKinds(string[] kinds, Leftovers leftovers) => Assert.Equal(
        kinds, leftovers.Found.Select(static left => left.Kind).Distinct().Order(StringComparer.Ordinal));
}
