using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>Pods, programs and sandboxes that mean the node no good.</summary>
public class HostileTests
{
    private const int SIGSTOP = 19, SIGCONT = 18;

    [Theory]
    [InlineData(".Event", "{\"event\":{\"data\":{\"network_interfaces\":[", "{},")]
    [InlineData(".Processes", "[", "{},")]
    [InlineData(".Processes", "[", "1,")]
    public async Task An_answer_of_4_MB_costs_little_memory(string method, string start, string item)
    {
        await using ImpostorSocket impostor = new("c");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: impostor.Runsc);
        int count = ((4 << 20) - 1000) / item.Length;
        string answer = "{\"success\":true,\"err\":\"\",\"result\":" + start
            + string.Concat(Enumerable.Repeat(item, count)) + "{}]" + (start.Length > 1 ? "}}}}" : "}");
        impostor.Answer(shim, question => question.Contains(method, StringComparison.Ordinal) ? answer : null);
        shim.WriteBundle("c", ["sleep", "1000"]);
        await shim.RunAsync("c");
        for (int times = 0; times < 3; times++)
        {
            await shim.Tasks.StatsAsync(new StatsRequest { Id = "c" });
            Assert.NotEmpty((await shim.Tasks.PidsAsync(new PidsRequest { Id = "c" })).Processes);
        }
        Assert.InRange(PeakKiB(shim.Pid), 1, 24 << 10);
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        await EndAsync(shim, "c");
    }

    [Fact]
    public async Task A_stopped_sandbox_delays_only_its_own_statistics()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        foreach (string id in (string[])["c", "d"])
        {
            shim.WriteBundle(id, ["sleep", "1000"]);
            await shim.RunAsync(id);
        }
        ShimFigures first = await ShimFigures.AskAsync(shim, "c");
        int sandbox = (int)(await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Pid;
        Linux.Signals.Send(sandbox, SIGSTOP);
        try
        {
            await Eventually.TrueAsync("the sandbox has stopped", () => Directory
                .GetFiles($"/proc/{sandbox}/task", "stat", SearchOption.AllDirectories)
                .All(static stat => File.ReadAllText(stat).Contains(") T ", StringComparison.Ordinal)));
            var clock = Stopwatch.StartNew();
            Task<ShimFigures> late = ShimFigures.AskAsync(shim, "c");
            for (int times = 0; times < 10; times++)
                await shim.Tasks.StatsAsync(new StatsRequest { Id = "d" });
            Assert.False(late.IsCompleted);
            Assert.Equal(first, await late);
            Assert.InRange(clock.Elapsed.TotalSeconds, 1.9, 10);
            Assert.Equal(first, await ShimFigures.AskAsync(shim, "c"));
        }
        finally
        {
            Linux.Signals.Send(sandbox, SIGCONT);
        }
        await EndAsync(shim, "c");
        await EndAsync(shim, "d");
    }

    [Fact]
    public async Task A_terminal_that_prints_without_end_lets_other_calls_through()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string output = Path.Combine(shim.Directory, "out");
        NativeCalls.CreateFifo(output);
        shim.WriteBundle("c", ["sh", "-c", $"s={new string('y', 1000)}; while :; do echo $s; done"],
            static spec => spec["process"]!["terminal"] = true);
        using Linux.Descriptor keptOpen = Linux.Fifo.OpenBoth(output);
        await RunWithTerminalAsync(shim, new CreateTaskRequest { Stdout = output });
        using Process reader = Process.Start("dd", ["if=" + output, "of=/dev/null", "bs=64k", "status=none"]);
        Assert.InRange(await MedianOfStateAsync(shim), 0, 10);
        keptOpen.Dispose();
        await EndAsync(shim, "c");
        reader.Kill();
    }

    [Fact]
    public async Task A_client_that_types_without_end_lets_other_calls_through()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        string input = Path.Combine(shim.Directory, "in");
        NativeCalls.CreateFifo(input);
        shim.WriteBundle("c", ["sh", "-c", "cat > /dev/null"], static spec => spec["process"]!["terminal"] = true);
        await RunWithTerminalAsync(shim, new CreateTaskRequest { Stdin = input });
        using Process writer = Process.Start("sh", ["-c", $"exec yes > {input}"]);
        Assert.InRange(await MedianOfStateAsync(shim), 0, 10);
        writer.Kill();
        await EndAsync(shim, "c");
    }

    [Fact]
    public async Task Annotations_that_are_not_listed_do_not_reach_runsc()
    {
        string[] annotations =
        [
            "dev.gvisor.spec.rootfs.source", "dev.gvisor.spec.rootfs.type", "dev.gvisor.spec.rootfs.overlay",
            "dev.gvisor.flag.host-uds", "dev.gvisor.flag.debug", "dev.gvisor.internal.nvproxy",
            "dev.gvisor.spec.cgroup-parent",
        ];
        await using ShimHarness shim =
            await ShimHarness.StartAsync("allowed_annotations = [\"dev.gvisor.internal.nvproxy\"]");
        HarnessPod pod = new(shim, "pod");
        foreach (string annotation in annotations)
            pod.Annotations[annotation] =
                annotation.EndsWith("overlay", StringComparison.Ordinal) ? "dir=/etc" : "/etc/x";
        pod.Annotations["dev.gvisor.internal.nvproxy"] = "false";
        await pod.RunAsync("a");
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a")])
        {
            string spec = await File.ReadAllTextAsync(Path.Combine(shim.BundleOf(id), "config.json"));
            foreach (string annotation in annotations)
                Assert.Equal(annotation == "dev.gvisor.internal.nvproxy",
                    JsonNode.Parse(spec)!["annotations"]!.AsObject().ContainsKey(annotation));
            Assert.Equal(annotations.Length - 1, Regex.Count(shim.Log, $"annotation removed\" id={id} "));
        }
        await pod.RemoveAsync();
    }

    [Fact]
    public async Task Files_with_the_names_of_file_stores_cost_a_bounded_time_and_one_line()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod", volume: true);
        Directory.CreateDirectory(pod.VolumePath);
        for (int i = 0; i < 200_000; i++)
            File.Create($"{pod.VolumePath}/.gvisor.filestore.{i}").Dispose();
        await pod.RunAsync("a");
        Assert.Single(Regex.Matches(shim.Log, "file store"));
        Assert.Contains(" count=1000 ", shim.Log, StringComparison.Ordinal);
        await pod.RemoveAsync();
    }

    [Fact]
    public async Task The_shim_leaves_no_core_dump()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        Assert.Matches("Max core file size +0 ", await File.ReadAllTextAsync($"/proc/{shim.Pid}/limits"));
    }

    private static async Task RunWithTerminalAsync(ShimHarness shim, CreateTaskRequest request)
    {
        request.Id = "c";
        request.Bundle = shim.Bundle;
        request.Options = shim.Options;
        request.Terminal = true;
        await shim.Tasks.CreateAsync(request);
        await shim.Tasks.StartAsync(new StartRequest { Id = "c" });
    }

    /// <summary>Of 200 answers, in ms: on a busy machine single ones may take any time.</summary>
    private static async Task<double> MedianOfStateAsync(ShimHarness shim)
    {
        List<double> took = [];
        for (int times = 0; times < 200; times++)
        {
            var clock = Stopwatch.StartNew();
            await shim.Tasks.StateAsync(new StateRequest { Id = "c" });
            took.Add(clock.Elapsed.TotalMilliseconds);
        }
        took.Sort();
        return took[took.Count / 2];
    }

    private static async Task EndAsync(ShimHarness shim, string id)
    {
        await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 9 });
        await shim.Tasks.WaitAsync(new WaitRequest { Id = id });
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id });
    }

    private static long PeakKiB(int pid) => long.Parse(
        Regex.Match(File.ReadAllText($"/proc/{pid}/status"), @"VmHWM:\s+(\d+) kB").Groups[1].Value,
        CultureInfo.InvariantCulture);
}
