using System.Globalization;
using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd.Model;

/// <summary>
/// Random calls on a real runsc, against a model of what containerd may see; afterwards nothing is left.
/// </summary>
public class ModelTests(Daemons daemons) : ContainerTest(daemons)
{
    private const int Containers = 3, Steps = 120, TaskSteps = 25;

    private static readonly int s_seed = int.TryParse(Environment.GetEnvironmentVariable("MODEL_SEED"),
        CultureInfo.InvariantCulture, out int given) ? given : Environment.TickCount & 0xffffff;

    /// <summary>MODEL_SEED=N makes the calls of an earlier run again.</summary>
    [Fact]
    public async Task Random_calls_do_what_the_model_says()
    {
        TestContext.Current.SendDiagnosticMessage($"MODEL_SEED={s_seed}");
        await RunAsync(s_seed, Steps);
    }

    /// <summary>Shims, commands of runsc, sandboxes, clients and containerd itself are killed meanwhile.</summary>
    [Theory, ContainerdVersions]
    public async Task Random_calls_and_kills_do_what_the_model_says(string version)
    {
        TestContext.Current.SendDiagnosticMessage($"MODEL_SEED={s_seed}");
        await new TaskModel(await OwnDaemonAsync(version), Id("task"), s_seed).RunAsync(TaskSteps);
    }

    /// <summary>Makes random calls on some containers of one shim at a time.</summary>
    /// <returns>The number of calls.</returns>
    internal static async System.Threading.Tasks.Task<int> RunAsync(int seed, int steps)
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        // The connection is accepted, so it is counted; the one for events and a /dev/null come later.
        await shim.Tasks.ConnectAsync(new ConnectRequest { Id = "" });
        int descriptors = DescriptorsOf(shim.Pid).Length;
        ContainerModel[] models = [.. Enumerable.Range(0, Containers)
            .Select(i => new ContainerModel(shim, $"m{i}", seed + i))];
        await Task.WhenAll(models.Select(model => model.RunAsync(steps)));
        // What ends and closes after the answer does so soon.
        await Eventually.PassesAsync(shim.AssertNothingLeft);
        await Eventually.PassesAsync(() =>
        {
            string[] left = DescriptorsOf(shim.Pid);
            Assert.True(left.Length <= descriptors + 3, string.Join('\n', left));
        });
        Assert.DoesNotContain("unexpected", shim.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("could not undo", shim.Log, StringComparison.Ordinal);
        return models.Sum(static model => model.Calls);
    }

    private static string[] DescriptorsOf(int pid) => [.. new DirectoryInfo($"/proc/{pid}/fd")
        .EnumerateFileSystemInfos().Select(static descriptor => $"{descriptor.Name} {descriptor.LinkTarget}")];
}
