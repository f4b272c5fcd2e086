using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Grpc.Core;
using Testing;
using Status = Containerd.Api.Tasks.Status;
using V1 = Containerd.Api.Cgroups.V1;
using V2 = Containerd.Api.Cgroups.V2;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd;

/// <summary>What the shim does not do: run a process for a question, keep a thread for a wait, or forget to let memory go.</summary>
public class LeanTests
{
    /// <summary>Of this program, however fast the machine is: State and Connect take two buffers and some tasks.</summary>
    private const long BytesForAnAnswer = 4 << 10;

    /// <summary>The same with the sandbox's own answer in between.</summary>
    private const long BytesForAQuestion = 16 << 10;

    /// <summary>With its bytes on the wire, and those that wait to be sent.</summary>
    private const long BytesForAnEvent = 4 << 10;

    private const int MostThreads = 5;

    [Fact]
    public async Task Questions_start_no_process_and_hold_no_thread()
    {
        using TempDirectory directory = new();
        StandInRunsc runsc = StandInRunsc.Make(directory.Path);
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: runsc.Path);
        int atFirst = Sockets(shim);
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a", "b");
        string a = pod.IdOf("a");
        // The wait for each of the two containers (the sandbox is the shim's child), and what events go through.
        Assert.Equal(atFirst + 3, Sockets(shim));
        int processes = runsc.Calls.Length, descriptors = Descriptors(shim);
        AsyncUnaryCall<WaitResponse>[] waits =
            [.. Enumerable.Range(0, 20).Select(_ => shim.Tasks.WaitAsync(new WaitRequest { Id = a }))];
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = a })).Status);
            await shim.Tasks.ConnectAsync(new ConnectRequest { Id = a });
            Assert.InRange((await shim.Tasks.PidsAsync(new PidsRequest { Id = a })).Processes.Count, 1, 3);
            await shim.Tasks.StatsAsync(new StatsRequest { Id = a });
            await shim.Tasks.KillAsync(new KillRequest { Id = a, Signal = 28 }); // SIGWINCH, which nobody minds
        }
        Assert.Equal(processes, runsc.Calls.Length);
        Assert.Equal(descriptors, Descriptors(shim));
        Assert.InRange(Threads(shim), 1, MostThreads);

        await shim.Tasks.KillAsync(new KillRequest { Id = a, Signal = 9 });
        foreach (AsyncUnaryCall<WaitResponse> wait in waits)
            Assert.Equal(137u, (await wait).ExitStatus);
        Assert.Equal(processes, runsc.Calls.Length);
        await pod.RemoveAsync();
    }

    [Fact]
    public async Task An_answer_costs_few_bytes_and_none_of_them_stay()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        (string What, Func<Task> Ask, long Bytes)[] questions =
        [
            ("Connect", async () => await shim.Tasks.ConnectAsync(new ConnectRequest { Id = a }), BytesForAnAnswer),
            ("State", async () => await shim.Tasks.StateAsync(new StateRequest { Id = a }), BytesForAnAnswer),
            ("Pids", async () => await shim.Tasks.PidsAsync(new PidsRequest { Id = a }), BytesForAQuestion),
            ("Stats", async () => await shim.Tasks.StatsAsync(new StatsRequest { Id = a }), BytesForAQuestion),
        ];
        long resident = 0;
        for (int round = 0; round < 3; round++)
        {
            foreach ((string what, Func<Task> ask, long bytes) in questions)
            {
                const int Calls = 500;
                long before = await AllocatedAsync(shim);
                for (int i = 0; i < Calls; i++)
                    await ask();
                long each = (await AllocatedAsync(shim) - before) / Calls;
                TestContext.Current.SendDiagnosticMessage("{0}: {1} bytes a call", what, each);
                Assert.True(each <= bytes, $"{what}: {each} bytes a call");
            }
            // The first round is for what is made once.
            long now = Anonymous(shim);
            if (round == 1)
                resident = now;
            else if (round == 2)
                Assert.InRange(now, 0, resident + 512);
        }
        await pod.RemoveAsync();
    }

    /// <summary>An exec that is made and removed again is two events, and no process.</summary>
    [Fact]
    public async Task An_event_costs_as_much_after_thousands_as_at_first()
    {
        const int Pairs = 500;
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        await PairsAsync(Pairs); // for what is made once
        long first = await BytesAsync(Pairs), resident = Anonymous(shim);
        await PairsAsync(5 * Pairs);
        long last = await BytesAsync(Pairs);
        TestContext.Current.SendDiagnosticMessage("two events: {0} bytes, and {1} after thousands", first, last);
        // What has to wait for a busy machine's other side costs some more each time; what piles up would be many times as much.
        Assert.InRange(last, 0, first * 3 / 2);
        Assert.InRange(last, 0, 2 * BytesForAnAnswer + 2 * BytesForAnEvent);
        Assert.InRange(Anonymous(shim), 0, resident + 512);
        await Eventually.TrueAsync("all events have arrived",
            () => shim.Events.Count(static e => e.Topic == "/tasks/exec-added") == 8 * Pairs);
        await pod.RemoveAsync();

        async Task PairsAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                await shim.ExecAsync(a, "e", "true");
                await shim.Tasks.DeleteAsync(new DeleteRequest { Id = a, ExecId = "e" });
            }
        }
        async Task<long> BytesAsync(int count)
        {
            long before = await AllocatedAsync(shim);
            await PairsAsync(count);
            return (await AllocatedAsync(shim) - before) / count;
        }
    }

    /// <summary>
    /// A sandbox has what it would have without a shim; runsc's other commands are spared the registration, which lasts longer
    /// than their work. Each seccomp filter that a process has is counted in its status, also what it puts on itself.
    /// </summary>
    [Fact]
    public async Task Membarrier_is_hidden_from_commands_and_not_from_the_sandbox()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a");
        string a = pod.IdOf("a");
        await shim.ExecAsync(a, "e", "sleep", "1000");
        int exec = (int)(await shim.Tasks.StartAsync(new StartRequest { Id = a, ExecId = "e" })).Pid;
        int sandbox = (int)(await shim.Tasks.StateAsync(new StateRequest { Id = pod.Sandbox })).Pid;
        int around = Filters(Environment.ProcessId);
        Assert.Equal(around + 1, Filters(exec));
        // Its own.
        Assert.Equal(around + 1, Filters(sandbox));
        await pod.RemoveAsync();

        static int Filters(int pid) => (int)StatusNumber(pid, "Seccomp_filters");
    }

    [Fact]
    public async Task Statistics_are_those_that_runsc_tells()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        shim.WriteBundle("c", ["sh", "-c", "while :; do :; done"]);
        await shim.RunAsync("c");
        for (int i = 0; i < 5; i++)
        {
            RunscFigures before = await RunscFigures.AskAsync(shim, "c+");
            ShimFigures shims = await ShimFigures.AskAsync(shim, "c");
            RunscFigures after = await RunscFigures.AskAsync(shim, "c+");
            Assert.InRange(shims.Cpu, before.Cpu, after.Cpu);
            Assert.InRange(shims.Memory, Math.Min(before.Memory, after.Memory) / 2, Math.Max(before.Memory, after.Memory) * 2);
            Assert.Equal(before.Pids, shims.Pids);
            Assert.Equal("lo", shims.Network);
        }

        // In a pod each container has its share, and together they have all.
        HarnessPod pod = new(shim, "pod");
        await pod.RunAsync("a", "b");
        ulong all = 0, least = 0, most = 0;
        foreach (string id in (string[])[pod.Sandbox, pod.IdOf("a"), pod.IdOf("b")])
        {
            RunscFigures before = await RunscFigures.AskAsync(shim, id + "+");
            all += (await ShimFigures.AskAsync(shim, id)).Cpu;
            RunscFigures after = await RunscFigures.AskAsync(shim, id + "+");
            (least, most) = (least + before.Cpu, most + after.Cpu);
        }
        // Shares move between two questions, so this is not exact.
        Assert.InRange(all, least * 8 / 10, most * 12 / 10);
        await pod.RemoveAsync();
    }

    [Fact]
    public async Task A_sandbox_that_answers_nonsense_is_asked_by_commands_and_told_of_once()
    {
        await using ImpostorSocket impostor = new("c");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: impostor.Runsc);
        impostor.Answer(shim, static _ => "{\"success\":true,\"err\":\"\",\"result\":[[\"nonsense\"]]}");
        shim.WriteBundle("c", ["sleep", "1000"], InSandbox("c", "sandbox"));
        shim.WriteBundle("d", ["sleep", "1000"], InSandbox("c", "container"));
        foreach (string id in (string[])["c", "d"])
            await shim.RunAsync(id);
        AsyncUnaryCall<WaitResponse> end = shim.Tasks.WaitAsync(new WaitRequest { Id = "d" });
        Assert.NotEmpty((await shim.Tasks.PidsAsync(new PidsRequest { Id = "d" })).Processes);
        await shim.Tasks.StatsAsync(new StatsRequest { Id = "c" });

        // A wait that is killed is not the end of the container.
        int first = await FindWaitAsync(0);
        Linux.Signals.Send(first, Linux.Signals.SIGKILL);
        await FindWaitAsync(first);
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "d" })).Status);
        await shim.Tasks.KillAsync(new KillRequest { Id = "d", Signal = 9 });
        Assert.Equal(137u, (await end).ExitStatus);
        Assert.Single(Regex.Matches(shim.Log, "sandbox does not answer on its control socket, runsc is asked from now on"));
        foreach (string id in (string[])["d", "c"])
        {
            await shim.Tasks.KillAsync(new KillRequest { Id = id, Signal = 9 });
            await shim.Tasks.WaitAsync(new WaitRequest { Id = id });
            await shim.Tasks.DeleteAsync(new DeleteRequest { Id = id });
        }

        async Task<int> FindWaitAsync(int but) => (int)await Eventually.GetAsync("runsc waits", () => Task.FromResult(
            Processes.Mentioning(shim.RunscRoot).FirstOrDefault(pid => pid != but
                && Regex.IsMatch(Processes.CommandLine(pid), "^[^ ]*runsc .* wait d\\+ $")) is > 0 and int pid ? (object)pid : null));
    }

    /// <summary>With a shim for each container the sandbox is another's child, and its end is seen all the same.</summary>
    [Fact]
    public async Task The_end_of_another_shims_sandbox_is_seen_at_once()
    {
        await using ShimHarness first = await ShimHarness.StartAsync(), second = await ShimHarness.StartAsync();
        // Read at each create.
        await File.WriteAllTextAsync(Path.Combine(second.Directory, "runsc.toml"),
            "grouping = false\n" + await File.ReadAllTextAsync(Path.Combine(first.Directory, "runsc.toml")));
        first.WriteBundle("c", ["sleep", "1000"], InSandbox("c", "sandbox"));
        first.WriteBundle("d", ["sleep", "1000"], InSandbox("c", "container")); // containerd's bundles are beside one another
        await first.RunAsync("c");
        await second.RunAsync("d", first.BundleOf("d"));
        Assert.NotEmpty((await second.Tasks.PidsAsync(new PidsRequest { Id = "d" })).Processes);
        AsyncUnaryCall<WaitResponse> end = second.Tasks.WaitAsync(new WaitRequest { Id = "d" });
        await first.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(137u, (await end).ExitStatus);
        Assert.DoesNotContain("sandbox does not answer", second.Log, StringComparison.Ordinal);
        await second.Tasks.DeleteAsync(new DeleteRequest { Id = "d" });
        await first.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await first.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    [Fact]
    public async Task A_sandbox_that_says_that_it_is_killed_and_lives_on_is_killed()
    {
        await using ImpostorSocket impostor = new("c");
        await using ShimHarness shim = await ShimHarness.StartAsync(runsc: impostor.Runsc);
        impostor.Answer(shim, static question =>
            question.Contains(".Signal", StringComparison.Ordinal) ? "{\"success\":true,\"err\":\"\",\"result\":null}" : null);
        shim.WriteBundle("c", ["sleep", "1000"]);
        await shim.RunAsync("c");
        AsyncUnaryCall<WaitResponse> end = shim.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 15 }); // which a program may outlive
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        Assert.Equal(Status.Running, (await shim.Tasks.StateAsync(new StateRequest { Id = "c" })).Status);
        Assert.Equal(137u, (await end.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).ExitStatus);
        Assert.Contains("sandbox did not take SIGKILL", shim.Log, StringComparison.Ordinal);
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
    }

    private static Action<JsonObject> InSandbox(string id, string type) => spec => spec["annotations"] = new JsonObject
    {
        ["io.kubernetes.cri.container-type"] = type,
        ["io.kubernetes.cri.sandbox-id"] = id,
    };

    private static int Descriptors(ShimHarness shim) => Directory.GetFileSystemEntries($"/proc/{shim.Pid}/fd").Length;

    private static int Sockets(ShimHarness shim) => Directory.GetFileSystemEntries($"/proc/{shim.Pid}/fd")
        .Count(static fd => new FileInfo(fd).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) ?? false);

    private static int Threads(ShimHarness shim) => Directory.GetDirectories($"/proc/{shim.Pid}/task").Length;

    /// <summary>KiB.</summary>
    private static long Anonymous(ShimHarness shim) => StatusNumber(shim.Pid, "RssAnon");

    private static long StatusNumber(int pid, string field) => long.Parse(
        File.ReadLines($"/proc/{pid}/status").Single(line => line.StartsWith($"{field}:", StringComparison.Ordinal))
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    /// <summary>What the shim says that it has allocated since it began.</summary>
    private static async Task<long> AllocatedAsync(ShimHarness shim)
    {
        Regex line = new("([0-9]+) bytes allocated since it began");
        int count = line.Count(shim.Log);
        Linux.Signals.Send(shim.Pid, Linux.Signals.SIGUSR1);
        await Eventually.TrueAsync("the shim tells its state", () => line.Count(shim.Log) > count);
        return long.Parse(line.Matches(shim.Log)[^1].Groups[1].Value, CultureInfo.InvariantCulture);
    }

    /// <summary>What the shim tells, in the form of the node's cgroups. CPU in nanoseconds.</summary>
    private sealed record ShimFigures(ulong Cpu, ulong Memory, ulong Pids, string Network)
    {
        public static async Task<ShimFigures> AskAsync(ShimHarness shim, string id)
        {
            Google.Protobuf.WellKnownTypes.Any stats = (await shim.Tasks.StatsAsync(new StatsRequest { Id = id })).Stats;
            if (stats.TypeUrl.Contains("v2", StringComparison.Ordinal))
            {
                V2.Metrics v2 = V2.Metrics.Parser.ParseFrom(stats.Value);
                return new ShimFigures(v2.Cpu.UsageUsec * 1000, v2.Memory.Usage, v2.Pids.Current, Assert.Single(v2.Network).Name);
            }
            V1.Metrics v1 = V1.Metrics.Parser.ParseFrom(stats.Value);
            return new ShimFigures(v1.Cpu.Usage.Total, v1.Memory.Usage.Usage, v1.Pids.Current, Assert.Single(v1.Network).Name);
        }
    }

    /// <summary>What <c>runsc events --stats</c> tells.</summary>
    private sealed record RunscFigures(ulong Cpu, ulong Memory, ulong Pids)
    {
        public static async Task<RunscFigures> AskAsync(ShimHarness shim, string id)
        {
            using JsonDocument told = JsonDocument.Parse((await Command.RunAsync(Tools.Runsc,
                ["--root", Path.Combine(shim.RunscRoot, "test"), "events", "--stats", id])).Succeeded());
            JsonElement data = told.RootElement.GetProperty("data");
            return new RunscFigures(
                Number(data.GetProperty("cpu").GetProperty("usage"), "total"),
                Number(data.GetProperty("memory").GetProperty("usage"), "usage"),
                Number(data.GetProperty("pids"), "current"));

            // It leaves zeros out.
            static ulong Number(JsonElement of, string name) => of.TryGetProperty(name, out JsonElement value) ? value.GetUInt64() : 0;
        }
    }
}
