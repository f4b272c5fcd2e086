using System.Diagnostics;
using System.Globalization;
using Containerd.Api.Tasks;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// A hundred pods on one node at once: how long the last one takes to start, what each costs, and what Stats of all
/// cost.
/// </summary>
internal static class ScaleBenchmark
{
    private const int AtATime = 4;

    public static async Task RunAsync(Session session)
    {
        int count = session.Times(100, 3), seconds = session.Times(60, 2);
        Session.Say(
            $"scale: {count} pods at once, {AtATime} started at a time"
            + $"; then Stats of all, once a second for {seconds} s");
        List<ServingShim> shims = [];
        try
        {
            List<double> up = [];
            while (shims.Count < count)
            {
                int next = Math.Min(AtATime, count - shims.Count);
                up.AddRange(await Task.WhenAll(Enumerable.Range(0, next).Select(_ => BringUpAsync(session, shims))));
                if (shims.Count % 20 == 0)
                    Session.Say($"scale: {shims.Count} pods");
            }
            int tenth = Math.Max(1, count / 10);
            session.Report.Add($"a pod comes up, {AtATime} at a time", "ms", $"the first {tenth}",
                new Samples(up[..tenth]));
            session.Report.Add($"a pod comes up, {AtATime} at a time", "ms", $"the last {tenth} of {count}",
                new Samples(up[^tenth..]));
            ProcessFigures[] figures = [.. shims.Select(static shim => ProcessFigures.Of(shim.Pid))];
            foreach ((string what, Func<ProcessFigures, double> of) in ((string, Func<ProcessFigures, double>)[])
                [("private", static one => one.Private), ("proportional", static one => one.Proportional),
                    ("resident", static one => one.Resident)])
                session.Report.Add(string.Create(CultureInfo.InvariantCulture,
                    $"memory of a shim among {count}: {what}"), "KiB",
                    ShimProgram.Ours.Name, new Samples(figures.Select(of)));

            await AskAllAsync(session, shims, seconds);
            await Task.WhenAll(shims.Select(static shim => shim.KillContainerAsync()));
            foreach (ServingShim shim in shims)
                await shim.ShutdownAsync();
        }
        finally
        {
            foreach (ServingShim shim in shims)
                await shim.DisposeAsync();
        }
    }

    private static async Task<double> BringUpAsync(Session session, List<ServingShim> shims)
    {
        long begin = Stopwatch.GetTimestamp();
        ServingShim shim = await ServingShim.StartAsync(session, ShimProgram.Ours);
        lock (shims)
            shims.Add(shim);
        await shim.RunContainerAsync();
        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    private static async Task AskAllAsync(Session session, List<ServingShim> shims, int seconds)
    {
        TimeSpan before = Processor(shims);
        List<double> taken = [];
        int late = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int second = 0; second < seconds; second++)
        {
            await Task.WhenAll(shims.Select(async shim =>
            {
                long sent = Stopwatch.GetTimestamp();
                try
                {
                    await shim.Tasks.StatsAsync(new StatsRequest { Id = shim.Id }, shim.Bounded);
                }
                catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
                {
                    // So many kernels leave two cores no time: the sandbox did not answer the shim, and the call
                    // failed.
                    Interlocked.Increment(ref late);
                }
                lock (taken)
                    taken.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            }));
            TimeSpan left = TimeSpan.FromSeconds(second + 1) - Stopwatch.GetElapsedTime(begin);
            if (left > TimeSpan.Zero)
                await Task.Delay(left, session.Cancellation);
        }
        session.Report.Add($"Stats of {shims.Count} pods at once: time of a call", "ms", ShimProgram.Ours.Name,
            new Samples(taken));
        session.Report.Add($"Stats of {shims.Count} pods at once: not answered by their sandbox within 30 s", "calls",
            ShimProgram.Ours.Name, new Samples(late));
        session.Report.Add($"Stats of {shims.Count} pods once a second: of one processor, all shims", "%",
            ShimProgram.Ours.Name,
            new Samples(100 * (Processor(shims) - before).TotalSeconds / Stopwatch.GetElapsedTime(begin).TotalSeconds));
    }

    private static TimeSpan Processor(List<ServingShim> shims) =>
        shims.Aggregate(TimeSpan.Zero, static (all, shim) => all + ProcessFigures.ProcessorTime(shim.Pid));
}
