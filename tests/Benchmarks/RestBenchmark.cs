using System.Globalization;
using Containerd.Api.Tasks;
using Testing;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// What a pod's shim costs while nothing happens: memory, threads, processes beside the sandbox's own, and how often it
/// wakes up; at first, and after more work than most pods ever see.
/// </summary>
internal static class RestBenchmark
{
    public static async Task RunAsync(Session session)
    {
        // A day of what kubelet asks: every ten seconds, of each of three containers.
        int execs = session.Times(10_000, 20), stats = session.Times(3 * 24 * 60 * 6, 50);
        TimeSpan still = session.Options.Short ? TimeSpan.FromSeconds(2) : TimeSpan.FromMinutes(1);
        Session.Say(
            $"rest: a pod of a sandbox and two containers,"
            + $" at rest for {still.TotalSeconds:0} s; then {execs} execs and {stats} Stats");
        // Beside another pod's, as on any node: the program's own pages are shared among all.
        await using ServingShim beside = await ServingShim.StartAsync(session, ShimProgram.Ours);
        await using var pod = (ShimPod)await ShimPod.PrepareAsync(session);
        await pod.BringUpAsync();
        ServingShim shim = pod.Shim;
        await Task.Delay(TimeSpan.FromSeconds(1), session.Cancellation);
        Add(session, "at first", shim);

        long wakeups = Wakeups(shim.Pid);
        TimeSpan processor = ProcessFigures.ProcessorTime(shim.Pid);
        await Task.Delay(still, session.Cancellation);
        session.Report.Add($"times that it woke up in {still.TotalSeconds:0} s at rest", "number",
            ShimProgram.Ours.Name,
            new Samples(Wakeups(shim.Pid) - wakeups));
        session.Report.Add($"processor time in {still.TotalSeconds:0} s at rest", "ms", ShimProgram.Ours.Name,
            new Samples((ProcessFigures.ProcessorTime(shim.Pid) - processor).TotalMilliseconds));

        for (int i = 1; i <= execs; i++)
        {
            await shim.ExecAsync($"e{i}");
            if (i % 1000 == 0)
                Session.Say($"rest: {i} execs");
        }
        await Task.Delay(TimeSpan.FromSeconds(1), session.Cancellation);
        Add(session, $"after {execs} execs", shim);
        for (int i = 0; i < stats; i++)
            await shim.Tasks.StatsAsync(new StatsRequest { Id = pod.Bundles.Containers[i % 3].Id }, shim.Bounded);
        await Task.Delay(TimeSpan.FromSeconds(1), session.Cancellation);
        Add(session, $"and {stats} Stats", shim);
        await pod.TakeDownAsync();
        await beside.ShutdownAsync();
    }

    private static void Add(Session session, string when, ServingShim shim)
    {
        ProcessFigures figures = ProcessFigures.Of(shim.Pid);
        (string What, string Unit, double Value)[] rows =
        [
            ("resident memory (RSS)", "KiB", figures.Resident),
            ("private memory", "KiB", figures.Private),
            ("threads", "number", figures.Threads),
            ("helper processes", "number", shim.Children.Count(static pid =>
                Processes.CommandLine(pid) is var line && ProcessFigures.IsAlive(pid)
                && !line.StartsWith("runsc-sandbox", StringComparison.Ordinal)
                    && !line.StartsWith("runsc-gofer", StringComparison.Ordinal))),
        ];
        foreach ((string what, string unit, double value) in rows)
            session.Report.Add($"a pod's shim at rest: {what}, {when}", unit, ShimProgram.Ours.Name,
                new Samples(value));
    }

    /// <summary>How often its threads gave their processor away, which each waiting does once.</summary>
    private static long Wakeups(int pid)
    {
        long all = 0;
        foreach (string thread in Directory.EnumerateDirectories($"/proc/{pid}/task"))
            foreach (string line in File.ReadLines(Path.Combine(thread, "status")))
                if (line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
                    all += long.Parse(line.AsSpan(line.IndexOf(':') + 1), NumberStyles.AllowLeadingWhite,
                        CultureInfo.InvariantCulture);
        return all;
    }
}
