using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace EndToEnd.Model;

/// <summary>
/// Hours instead of seconds, by <c>./build.sh soak MINUTES</c>: random calls against the model, pods that come and go
/// in one shim, and a containerd whose shims, sandboxes and clients are killed. Nothing grows, and nothing is left.
/// </summary>
public class SoakTests(Daemons daemons) : ContainerTest(daemons)
{
    private const int StepsInRound = 150, SIGSTOP = 19;
    private const int WarmUpPods = 20;
    private static readonly string[] s_sleep = ["sleep", "1000"];

    private readonly int _seed = Environment.TickCount & 0xffffff;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private int _calls, _rounds, _taskCalls, _kills, _pods, _disturbances;
    private long _memory;
    private bool _hasFailed;

    private static TimeSpan Time => TimeSpan.FromMinutes(
        double.Parse(Environment.GetEnvironmentVariable("SOAK_MINUTES") ?? "1", CultureInfo.InvariantCulture));

    [Fact(Explicit = true)]
    public async Task Nothing_grows_and_nothing_is_left()
    {
        Console.WriteLine($"    seed {_seed}");
        using CancellationTokenSource telling = new();
        Task told = TellAsync(telling.Token);
        try
        {
            await Task.WhenAll(((Func<Task>[])[ModelAsync, TasksAsync, PodsAsync, DisturbAsync]).Select(OrStopAsync));
        }
        finally
        {
            Tell();
            await telling.CancelAsync();
            await told;
        }
    }

    private bool GoesOn => _clock.Elapsed < Time && !_hasFailed;

    /// <summary>A failure ends the others, too.</summary>
    private async Task OrStopAsync(Func<Task> part)
    {
        try
        {
            await part();
        }
        catch
        {
            _hasFailed = true;
            throw;
        }
    }

    private async Task ModelAsync()
    {
        for (int round = 0; GoesOn; round++, _rounds++)
            _calls += await ModelTests.RunAsync(_seed + (round * 10), StepsInRound);
    }

    /// <summary>All versions of containerd in turn.</summary>
    private async Task TasksAsync()
    {
        for (int round = 0; GoesOn; round++)
        {
            await using Daemon daemon = await Daemon.StartAsync(
                Tools.ContainerdVersions[round % Tools.ContainerdVersions.Count]);
            TaskModel model = new(daemon, Id($"t{round}"), _seed + round);
            await model.RunAsync(StepsInRound / 3);
            _taskCalls += model.Calls;
            _kills += model.Kills;
        }
    }

    /// <summary>One shim for many pods: its memory and descriptors stay as they are.</summary>
    private async Task PodsAsync()
    {
        await using ShimHarness shim = await ShimHarness.StartAsync();
        shim.WriteBundle("c", ["sleep", "1000000"]);
        await shim.RunAsync("c"); // keeps the shim
        int descriptors = 0;
        long memory = 0;
        for (; GoesOn; _pods++)
        {
            HarnessPod pod = new(shim, $"pod{_pods}");
            await pod.RunAsync("a", "b");
            string a = pod.IdOf("a");
            await shim.Tasks.StatsAsync(new StatsRequest { Id = a });
            await shim.ExecAsync(a, "e", "true");
            await shim.Tasks.StartAsync(new StartRequest { Id = a, ExecId = "e" });
            await shim.Tasks.WaitAsync(new WaitRequest { Id = a, ExecId = "e" });
            await shim.Tasks.DeleteAsync(new DeleteRequest { Id = a, ExecId = "e" });
            if (_pods % 5 == 0)
            {
                string image = Path.Combine(shim.Directory, "images", pod.Sandbox);
                await shim.Tasks.CheckpointAsync(new CheckpointTaskRequest { Id = pod.Sandbox, Path = image });
                Directory.Delete(image, recursive: true);
            }
            await pod.RemoveAsync();
            _memory = PrivateKiB(shim.Pid);
            if (_pods <= WarmUpPods)
                // The highest: the kernel takes pages of the program away and reads them again.
                (descriptors, memory) = (DescriptorsOf(shim.Pid), Math.Max(memory, _memory));
            else
                await Eventually.PassesAsync(() =>
                {
                    Assert.InRange(DescriptorsOf(shim.Pid), 1, descriptors + 3);
                    Assert.InRange(PrivateKiB(shim.Pid), 1, memory + (memory / 2));
                });
        }
        await shim.Tasks.KillAsync(new KillRequest { Id = "c", Signal = 9 });
        await shim.Tasks.WaitAsync(new WaitRequest { Id = "c" });
        await shim.Tasks.DeleteAsync(new DeleteRequest { Id = "c" });
        await Eventually.PassesAsync(shim.AssertNothingLeft);
    }

    /// <summary>
    /// Kills what can be killed at random moments. What is left in the end is the base class's to find.
    /// </summary>
    private async Task DisturbAsync()
    {
        var random = new Random(_seed);
        Daemon daemon = await OwnDaemonAsync(Tools.ContainerdVersions[^1]);
        var leftovers = Leftovers.Before(daemon);
        for (; GoesOn; _disturbances++)
        {
            string id = Id($"d{_disturbances}");
            Task<CommandResult> running = daemon.CtrAsync(daemon.Run(id, ["-d"], s_sleep));
            int kind = random.Next(6);
            if (kind != 0)
                await Task.Delay(random.Next(400));
            switch (kind)
            {
                case 0: await running; break;
                case 1: Kill(Processes.Shims(daemon), Linux.Signals.SIGKILL); break;
                case 2: Kill(SandboxesOf(daemon), Linux.Signals.SIGKILL); break;
                case 3:
                    Kill(SandboxesOf(daemon), SIGSTOP);
                    Kill(Processes.Shims(daemon), Linux.Signals.SIGKILL);
                    break;
                case 4:
                    await daemon.KillAsync();
                    await running;
                    await daemon.StartProcessAsync();
                    break;
                case 5: Kill(Processes.Mentioning($"{daemon.Socket} run "), Linux.Signals.SIGKILL); break;
            }
            await running;
            await Eventually.TrueAsync($"{id} can be removed after disturbance {kind}", async () =>
            {
                await daemon.CtrAsync("tasks", "delete", "-f", id);
                await daemon.CtrAsync("containers", "rm", id);
                return !(await daemon.CtrAsync("containers", "ls", "-q")).Output
                    .Contains(id, StringComparison.Ordinal);
            });
            UnknownShim.RemoveSocket(leftovers, UnknownShim.LogOf(daemon, id));
            UnmountOfKilledClients(daemon);
            await Eventually.PassesAsync(() => Assert.True(leftovers.Found.Count == 0,
                $"{UnknownShim.LogOf(daemon, id)}after disturbance {kind} there is left:\n"
                + string.Join('\n', leftovers.Found)),
                TimeSpan.FromSeconds(20));
        }
    }

    private static void Kill(IEnumerable<int> pids, int signal)
    {
        foreach (int pid in pids)
            Linux.Signals.Send(pid, signal);
    }

    private static IEnumerable<int> SandboxesOf(Daemon daemon) => Processes.Mentioning(daemon.RunscRoot)
        .Where(static pid => Processes.CommandLine(pid).StartsWith("runsc-sandbox", StringComparison.Ordinal));

    private async Task TellAsync(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromMinutes(1), end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!end.IsCancellationRequested)
                Tell();
        }
    }

    private void Tell() => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"    {_clock.Elapsed.TotalMinutes:0.0} min: {_calls} calls in {_rounds} rounds of the model, "
        + $"{_taskCalls} calls of ctr with {_kills} kills, {_pods} pods (shim {_memory} KiB), "
        + $"{_disturbances} disturbances"));

    private static int DescriptorsOf(int pid) => Directory.GetFileSystemEntries($"/proc/{pid}/fd").Length;

    private static long PrivateKiB(int pid) => Regex
        .Matches(File.ReadAllText($"/proc/{pid}/smaps_rollup"), @"Private_(Clean|Dirty):\s+(\d+)")
        .Sum(static match => long.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
}
