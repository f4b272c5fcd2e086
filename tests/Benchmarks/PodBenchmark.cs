using System.Diagnostics;
using System.Globalization;

namespace Benchmarks;

/// <summary>The life of a pod, alone and with nine others, through this shim and with runsc alone.</summary>
/// <remarks>
/// Both run a create, a start and a delete for each container. The shim is also asked for a kill of each and for its
/// exit status, as containerd asks before Delete; runsc's delete kills by itself.
/// </remarks>
internal static class PodBenchmark
{
    private const int AtATime = 10;

    private static readonly (string Name, Func<Session, Task<IPod>> PrepareAsync)[] s_makers =
        [("runsc create, start, delete ×3", RawPod.PrepareAsync), (ShimProgram.Ours.Name, ShimPod.PrepareAsync)];

    public static async Task RunAsync(Session session)
    {
        int rounds = session.Times(15, 1), together = session.Times(5, 1);
        Session.Say($"pod: {rounds} rounds of one pod of a sandbox and two containers in turn: raw runsc, this shim");
        await MeasureAsync(session, "one at a time", 1, rounds);
        Session.Say($"pod: {together} rounds of {AtATime} such pods at a time");
        await MeasureAsync(session, string.Create(CultureInfo.InvariantCulture, $"{AtATime} at a time"), AtATime,
            together);
    }

    private static async Task MeasureAsync(Session session, string how, int count, int rounds)
    {
        const int WarmUps = 1;
        Series[] series = [.. s_makers.Select(_ => new Series())];
        for (int round = -WarmUps; round < rounds; round++)
            for (int i = 0; i < s_makers.Length; i++)
                await LiveAsync(session, s_makers[i].PrepareAsync, count, round < 0 ? new Series() : series[i]);
        (string Measure, string Unit, Func<Series, List<double>> Values)[] measures =
        [
            ($"a pod of a sandbox and two containers that share an emptyDir: up, {how}", "ms", one => one.Up),
            ($"its end, {how}", "ms", one => one.Down),
            ($"pods from nothing to nothing, {how}", "pods/min", one => one.PerMinute),
        ];
        foreach ((string measure, string unit, Func<Series, List<double>> values) in measures)
            for (int i = 0; i < s_makers.Length; i++)
                session.Report.Add(measure, unit, s_makers[i].Name, new Samples(values(series[i])));
        session.Report.Add($"an exit of a pod's container, reported after the answer to Kill, {how}", "ms",
            ShimProgram.Ours.Name,
            new Samples(series[1].Exits));
        session.Report.Add($"the shim's own processor time for a pod's life, {how}", "ms", ShimProgram.Ours.Name,
            new Samples(series[1].Processor));
    }

    /// <summary>
    /// Pods that all start at the same time and, when the last one runs, all end at the same time.
    /// </summary>
    private static async Task LiveAsync(Session session, Func<Session, Task<IPod>> prepareAsync, int count,
        Series series)
    {
        List<IPod> pods = [];
        try
        {
            for (int i = 0; i < count; i++)
            {
                session.Cancellation.ThrowIfCancellationRequested();
                pods.Add(await prepareAsync(session));
            }
            long begin = Stopwatch.GetTimestamp();
            series.Up.AddRange(await Task.WhenAll(pods.Select(pod => Session.TimeAsync(pod.BringUpAsync))));
            TimeSpan up = Stopwatch.GetElapsedTime(begin);
            foreach (IPod pod in pods)
                pod.Bundles.RequireFileStore();
            int[] shims = [.. pods.OfType<ShimPod>().Select(pod => pod.Shim.Pid)];
            begin = Stopwatch.GetTimestamp();
            series.Down.AddRange(await Task.WhenAll(pods.Select(pod => Session.TimeAsync(pod.TakeDownAsync))));
            TimeSpan down = Stopwatch.GetElapsedTime(begin);
            // The sandbox's own exit is reported when its process is gone, which takes the kernel a while.
            series.Exits.AddRange(pods.OfType<ShimPod>().SelectMany(static pod => pod.Shim.ExitTimes.SkipLast(1)));
            if (shims.Length > 0)
                series.Processor.Add(
                    shims.Sum(pid => ProcessFigures.ProcessorTime(pid).TotalMilliseconds) / shims.Length);
            foreach (IPod pod in pods)
                pod.Bundles.RequireEmpty();
            series.PerMinute.Add(count / (up + down).TotalMinutes);
        }
        finally
        {
            foreach (IPod pod in pods)
                await pod.DisposeAsync();
        }
        // Only of pods that ended well: of others the session first ends what still runs.
        foreach (IPod pod in pods)
            Directory.Delete(pod.Bundles.Directory, recursive: true);
    }

    private sealed class Series
    {
        public List<double> Up { get; } = [];

        public List<double> Down { get; } = [];

        /// <summary>Of the two containers of each pod.</summary>
        public List<double> Exits { get; } = [];

        /// <summary>Of each round: what a shim used of a processor until its pod was gone.</summary>
        public List<double> Processor { get; } = [];

        /// <summary>Of each round: the pods that lived in it, by the time that all of them together took.</summary>
        public List<double> PerMinute { get; } = [];
    }
}
