using System.Diagnostics;
using System.Globalization;
using Containerd.Api.Tasks;
using Grpc.Core;
using Task = System.Threading.Tasks.Task;

namespace Benchmarks;

/// <summary>
/// A hundred pods of three containers on one node at once: how long the last one takes to start, what each shim costs,
/// and what Stats of all containers once a second cost, as containerd 2.3 asks.
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
        List<ShimPod> pods = [];
        try
        {
            List<double> up = [];
            while (pods.Count < count)
            {
                int next = Math.Min(AtATime, count - pods.Count);
                up.AddRange(await Task.WhenAll(Enumerable.Range(0, next).Select(_ => BringUpAsync(session, pods))));
                if (pods.Count % 20 == 0)
                    Session.Say($"scale: {pods.Count} pods");
            }
            int tenth = Math.Max(1, count / 10);
            session.Report.Add($"a pod comes up, {AtATime} at a time", "ms", $"the first {tenth}",
                new Samples(up[..tenth]));
            session.Report.Add($"a pod comes up, {AtATime} at a time", "ms", $"the last {tenth} of {count}",
                new Samples(up[^tenth..]));
            ProcessFigures[] figures = [.. pods.Select(static pod => ProcessFigures.Of(pod.Shim.Pid))];
            foreach ((string what, Func<ProcessFigures, double> of) in ((string, Func<ProcessFigures, double>)[])
                [("private", static one => one.Private), ("proportional", static one => one.Proportional),
                    ("resident", static one => one.Resident)])
                session.Report.Add(string.Create(CultureInfo.InvariantCulture,
                    $"memory of a shim among {count}: {what}"), "KiB",
                    ShimProgram.Ours.Name, new Samples(figures.Select(of)));

            await AskAllAsync(session, pods, seconds);
            await Task.WhenAll(pods.Select(static pod => pod.TakeDownAsync()));
        }
        finally
        {
            foreach (ShimPod pod in pods)
                await pod.DisposeAsync();
        }
    }

    private static async Task<double> BringUpAsync(Session session, List<ShimPod> pods)
    {
        session.Cancellation.ThrowIfCancellationRequested();
        ShimPod pod = await ShimPod.MakeAsync(session);
        lock (pods)
            pods.Add(pod);
        return await Session.TimeAsync(pod.BringUpAsync);
    }

    private static async Task AskAllAsync(Session session, List<ShimPod> pods, int seconds)
    {
        TimeSpan before = Processor(pods);
        (ServingShim Shim, string Id)[] containers = [.. pods.SelectMany(static pod =>
            pod.Bundles.Containers.Select(container => (pod.Shim, container.Id)))];
        List<double> taken = [];
        int late = 0;
        long begin = Stopwatch.GetTimestamp();
        for (int second = 0; second < seconds; second++)
        {
            await Task.WhenAll(containers.Select(async container =>
            {
                long sent = Stopwatch.GetTimestamp();
                try
                {
                    await container.Shim.Tasks.StatsAsync(new StatsRequest { Id = container.Id },
                        container.Shim.Bounded);
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
        session.Report.Add($"Stats of {pods.Count} pods at once: time of a call", "ms", ShimProgram.Ours.Name,
            new Samples(taken));
        session.Report.Add($"Stats of {pods.Count} pods at once: not answered by their sandbox within 30 s", "calls",
            ShimProgram.Ours.Name, new Samples(late));
        session.Report.Add($"Stats of {pods.Count} pods once a second: of one processor, all shims", "%",
            ShimProgram.Ours.Name,
            new Samples(100 * (Processor(pods) - before).TotalSeconds / Stopwatch.GetElapsedTime(begin).TotalSeconds));
    }

    private static TimeSpan Processor(List<ShimPod> pods) =>
        pods.Aggregate(TimeSpan.Zero, static (all, pod) => all + ProcessFigures.ProcessorTime(pod.Shim.Pid));
}
