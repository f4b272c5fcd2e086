using Containerd.Grpc.Cri;
using Testing;

namespace EndToEnd;

/// <summary>
/// Pods whose containers see one another's processes: no process is the first of a namespace of its own.
/// </summary>
public class SharedProcessesTests(Daemons daemons) : CriTest(daemons)
{
    /// <summary>Less than a killed container's processes could take, far more than it should.</summary>
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(15);

    private static readonly string[] s_parentAndChild = ["sh", "-c", "sleep 10000 & sleep 10000"];

    [Theory]
    [InlineData("1.6", NamespaceMode.Pod)]
    [InlineData("1.7", NamespaceMode.Pod)]
    [InlineData("2.1", NamespaceMode.Pod)]
    [InlineData("2.1", NamespaceMode.Node)]
    public async Task A_stopped_container_ends_with_all_its_processes(string version, NamespaceMode processes)
    {
        Kubelet kubelet = await KubeletAsync(version);
        Pod pod = await kubelet.RunPodAsync(new PodSettings { Processes = processes });
        PodContainer other = await pod.RunAsync(new ContainerSettings("other", "sleep", "10000"));
        PodContainer app = await pod.RunAsync(new ContainerSettings("app", s_parentAndChild));
        await Eventually.TrueAsync("the container has a child", async () => await SleepsAsync(other) == 3);
        await app.StopAsync(0).WaitAsync(s_bound, TestContext.Current.CancellationToken);
        Assert.Equal(137, (await app.StatusAsync()).ExitCode);
        Assert.Equal(1, await SleepsAsync(other));
        await app.RemoveAsync().WaitAsync(s_bound, TestContext.Current.CancellationToken);
        await pod.StopAsync().WaitAsync(s_bound, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_container_that_exits_ends_with_all_its_processes()
    {
        Kubelet kubelet = await KubeletAsync("2.1");
        Pod pod = await kubelet.RunPodAsync(new PodSettings { Processes = NamespaceMode.Pod });
        PodContainer other = await pod.RunAsync(new ContainerSettings("other", "sleep", "10000"));
        PodContainer app = await pod.RunAsync(new ContainerSettings("app", "sh", "-c", "sleep 10000 & exit 3"));
        Assert.Equal(3, (await app.UntilExitedAsync()).ExitCode);
        Assert.Equal(1, await SleepsAsync(other));
        await app.RemoveAsync().WaitAsync(s_bound, TestContext.Current.CancellationToken);
    }

    private static async Task<int> SleepsAsync(PodContainer container) =>
        (await container.ExecAsync("sh", "-c", "ps | grep -c '[s]leep 10000'")).Output.Trim() is { Length: > 0 } count
            ? int.Parse(count, System.Globalization.CultureInfo.InvariantCulture) : 0;
}
