using System.Diagnostics;
using System.Text.Json.Nodes;
using Containerd.Api.Tasks;
using Google.Protobuf.WellKnownTypes;
using Linux;
using Testing;
using Task = System.Threading.Tasks.Task;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;

namespace EndToEnd;

/// <summary>Which containers are reported as killed for want of memory.</summary>
public class OutOfMemoryTests
{
    private const int LimitMiB = 100;

    /// <summary>A kill explains an end that follows within this time.</summary>
    private static readonly TimeSpan s_explained = TimeSpan.FromSeconds(5);

    [Fact, VirtualMachine]
    public async Task The_event_comes_before_the_exit_event_and_statistics_count_the_kill()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        // A file in the sandbox's memory, larger than its cgroup allows.
        WriteBundle(shim, ["dd", "if=/dev/zero", "of=/dev/big", "bs=1M", "count=400"]);
        await shim.RunAsync("c");
        string[] topics = await TopicsOfKilledAsync(shim);
        Assert.InRange(Array.IndexOf(topics, "/tasks/oom"), 0, Array.IndexOf(topics, "/tasks/exit") - 1);
        // containerd asks when it has seen the exit status.
        Assert.Equal(1ul, await KillsAsync(shim));
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    [Fact]
    public async Task A_kill_that_the_container_outlived_does_not_explain_its_end()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        WriteBundle(shim, ["sleep", "1000"]);
        await shim.RunAsync("c");
        var sandbox = (int)(await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Pid;
        string directory = Cgroup.OfProcess(CgroupHierarchies.Read(), sandbox).MemoryDirectory!;
        // Whatever is killed in the sandbox's cgroup: here a process that is not the sandbox's.
        using Process hog = Process.Start("sh", ["-c",
            $"echo 1000 > /proc/self/oom_score_adj; echo $$ > {directory}/cgroup.procs; exec tail /dev/zero"]);
        await hog.WaitForExitAsync();
        await Eventually.TrueAsync("the kill is noticed", () => shim.Log.Contains(
            "out of memory: killed in the sandbox's cgroup", StringComparison.Ordinal));
        await Task.Delay(s_explained + TimeSpan.FromMilliseconds(200));
        // Not by the shim, which knows whom it kills.
        Signals.Send(sandbox, Signals.SIGKILL);
        Assert.DoesNotContain("/tasks/oom", await TopicsOfKilledAsync(shim));
        Assert.Equal(0ul, await KillsAsync(shim));
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    private static void WriteBundle(ShimHarness shim, string[] command) => shim.WriteBundle("c", command, static spec =>
        spec["linux"]!["resources"] = new JsonObject { ["memory"] = new JsonObject { ["limit"] = LimitMiB << 20 } });

    /// <summary>The events up to the exit of the container, which is by SIGKILL.</summary>
    private static async Task<string[]> TopicsOfKilledAsync(ShimHarness shim)
    {
        Assert.Equal(137u, (await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" })).ExitStatus);
        await Eventually.TrueAsync("the exit event",
            () => shim.Events.Any(envelope => envelope.Topic == "/tasks/exit"));
        return [.. shim.Events.Select(envelope => envelope.Topic)];
    }

    private static async Task<ulong> KillsAsync(ShimHarness shim)
    {
        Any stats = (await shim.Tasks.StatsAsync(new StatsRequest { Id = "c" })).Stats;
        if (stats.TypeUrl.Contains("v2", StringComparison.Ordinal))
        {
            V2.Metrics v2 = V2.Metrics.Parser.ParseFrom(stats.Value);
            Assert.Equal((ulong)LimitMiB << 20, v2.Memory.UsageLimit);
            return v2.MemoryEvents.OomKill;
        }
        V1.Metrics v1 = V1.Metrics.Parser.ParseFrom(stats.Value);
        Assert.Equal((ulong)LimitMiB << 20, v1.Memory.Usage.Limit);
        return v1.MemoryOomControl.OomKill;
    }
}
